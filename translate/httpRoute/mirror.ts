/** Mirrored requests. Source: Gateway API, HTTPRequestMirrorFilter; Envoy docs, RouteAction.RequestMirrorPolicy. */
import type { RouteAction_RequestMirrorPolicySchema } from '../../api/envoy/envoy/config/route/v3/route_components_pb.ts';
import { FractionalPercent_DenominatorType as Denominator } from '../../api/envoy/envoy/type/v3/percent_pb.ts';
import type { HTTPRequestMirrorFilter } from '../../api/gateway/index.ts';
import type { Init } from '../encoding/index.ts';

export function translateMirror(
  filter: HTTPRequestMirrorFilter,
  cluster: string,
): Init<typeof RouteAction_RequestMirrorPolicySchema> {
  return { cluster, runtimeFraction: { defaultValue: fractionOf(filter) }, disableShadowHostSuffixAppend: true };
}

function fractionOf({ fraction, percent }: HTTPRequestMirrorFilter): { numerator: number; denominator: Denominator } {
  if (fraction === undefined) return { numerator: between(0, percent ?? 100, 100), denominator: Denominator.HUNDRED };
  return fractionalPercent(fraction.numerator, fraction.denominator ?? 100);
}

/** A share of `whole` as exactly as Envoy takes one. */
export function fractionalPercent(part: number, whole: number): { numerator: number; denominator: Denominator } {
  const million = 1_000_000;
  const numerator = whole > 0 ? between(0, Math.round((part / whole) * million), million) : 0;
  return { numerator, denominator: Denominator.MILLION };
}

function between(least: number, value: number, most: number): number {
  return Math.max(least, Math.min(value, most));
}
