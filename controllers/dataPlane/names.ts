/** What the objects of a DataPlane are called and how they are labelled. */
import { labels, managedBy } from '../../api/names.ts';
import { derivedName, labelValue } from '../names.ts';

/** The objects that a DataPlane owns, by name. */
export interface DataPlaneNames {
  deployment: string;
  service: string;
  serviceAccount: string;
  bootstrap: string;
  certificate: string;
}

/** The names of what the DataPlane of this name owns. */
export function dataPlaneNames(name: string): DataPlaneNames {
  const base = derivedName(name);
  return {
    deployment: base,
    service: base,
    serviceAccount: base,
    bootstrap: derivedName(name, '-bootstrap'),
    certificate: derivedName(name, '-certificate'),
  };
}

/** The labels by which a DataPlane's Pods are found. They never change: a Deployment's selector cannot. */
export function selectorLabels(name: string): Record<string, string> {
  return {
    [labels.name]: 'sluice',
    [labels.instance]: labelValue(name),
    [labels.component]: 'data-plane',
  };
}

/**
 * The labels of everything that a DataPlane owns.
 * @param gateway the Gateway that the DataPlane was made for
 */
export function ownedLabels(name: string, gateway: string | undefined): Record<string, string> {
  return {
    ...selectorLabels(name),
    [labels.managedBy]: managedBy,
    [labels.dataPlane]: labelValue(name),
    ...(gateway === undefined ? {} : { [labels.gatewayName]: labelValue(gateway) }),
  };
}

/** A label selector in the form of a query: `a=b,c=d`. */
export function selectorText(selector: Record<string, string>): string {
  return Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
