/** Which versions of Gateway API's definitions Sluice works with. */
import type { CustomResourceDefinition } from '../kubernetes.ts';

/** Annotations that Gateway API's definitions carry. Source: Gateway API, "CRD Management". */
const versionAnnotation = 'gateway.networking.k8s.io/bundle-version';
const channelAnnotation = 'gateway.networking.k8s.io/channel';

/** The oldest minor version whose definitions have every field that is read, and the one that Sluice is tested with. */
const oldest = 4;
const tested = 6;

/** What is installed. */
export interface Bundle {
  version: string;
  channel: string;
  /** Why Sluice cannot work with it, as a sentence. */
  unusable?: string;
  /** Why it is not what Sluice is tested with; it works with it as well as it can. */
  unknown?: string;
}

/** Reads the definition of Gateway, as one for all; undefined where it is not installed. */
export function readBundle(definition: CustomResourceDefinition | undefined): Bundle | undefined {
  if (definition === undefined) return undefined;
  const annotations = definition.metadata.annotations ?? {};
  const version = annotations[versionAnnotation] ?? 'without a version';
  const bundle = { version, channel: annotations[channelAnnotation] ?? 'unknown' };
  const install = `Install v1.${tested} (https://gateway-api.sigs.k8s.io/guides/getting-started/).`;
  const [, major, minor] = /^v(\d+)\.(\d+)\./.exec(version) ?? [];
  if (major === undefined || minor === undefined) {
    return {
      ...bundle,
      unknown: `The installed definitions of Gateway API carry the version "${version}", which is none. ${install}`,
    };
  }
  if (Number(major) < 1 || (Number(major) === 1 && Number(minor) < oldest)) {
    return {
      ...bundle,
      unusable: `The installed definitions of Gateway API are of ${version}: Sluice needs v1.${oldest} or newer. ${install}`,
    };
  }
  if (Number(major) > 1 || Number(minor) > tested) {
    return {
      ...bundle,
      unknown: `The installed definitions of Gateway API are of ${version}, newer than v1.${tested}, which this version of Sluice is tested with.`,
    };
  }
  return bundle;
}
