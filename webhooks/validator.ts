/** Which judge takes which request. */
import type { ControlPlane } from '../api/controlPlane.ts';
import type { Gateway, ListenerSet } from '../api/gateway/index.ts';
import { gatewayGroup } from '../api/gateway/index.ts';
import type { GatewayConfiguration } from '../api/gatewayConfiguration.ts';
import { group } from '../api/names.ts';
import type { KubernetesObject } from '../api/object.ts';
import { isRouteKind, type AnyRoute } from '../translate/index.ts';
import { admitted, type AdmissionRequest, type Verdict } from './admissionReview.ts';
import { warnOfDeletion } from './deletion.ts';
import { judgeGateway, judgeListenerSet } from './gateways.ts';
import { judgeControlPlane, judgeGatewayConfiguration } from './ownKinds.ts';
import { judgeRoute } from './routes.ts';
import type { Surroundings } from './surroundings.ts';

/** Judges a request by the objects that there are; the same request and objects give the same verdict. */
export function validate(request: AdmissionRequest, surroundings: Surroundings): Verdict {
  const { kind, operation, namespace, name, object, oldObject } = request;
  if (kind.group !== group && kind.group !== gatewayGroup) return admitted;
  if (operation === 'DELETE') {
    return { warnings: warnOfDeletion(kind.kind, namespace, name, oldObject, surroundings) };
  }
  // What is being deleted only loses its finalizers; what did not change was judged before.
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) return admitted;
  if (
    oldObject !== undefined &&
    object.metadata.generation === oldObject.metadata.generation &&
    isSame(object, oldObject)
  )
    return admitted;
  const { denial, warnings } = judge(kind.kind, object, surroundings);
  return { ...(denial === undefined ? {} : { denial }), warnings: [...new Set(warnings)] };
}

/** An update that touches nothing but metadata and status. */
function isSame(object: KubernetesObject, oldObject: KubernetesObject): boolean {
  return JSON.stringify(object.spec) === JSON.stringify(oldObject.spec);
}

function judge(kind: string, object: KubernetesObject, surroundings: Surroundings): Verdict {
  if (isRouteKind(kind)) return judgeRoute(kind, object as AnyRoute, surroundings);
  switch (kind) {
    case 'Gateway':
      return judgeGateway(object as Gateway, surroundings);
    case 'ListenerSet':
      return judgeListenerSet(object as ListenerSet, surroundings);
    case 'ControlPlane':
      return judgeControlPlane(object as ControlPlane, surroundings);
    case 'GatewayConfiguration':
      return judgeGatewayConfiguration(object as GatewayConfiguration, surroundings);
    default:
      return admitted;
  }
}
