/** A route as it is for each Gateway that it is attached to, where these show different certificates to backends. */
import type { ObjectKey } from '../../api/object.ts';
import type { ListenerContext } from '../httpRoute/rewrite.ts';
import type { TranslatedRoute } from '../httpRoute/route.ts';

/**
 * Translates a route once for each certificate; for nearly all routes that is once.
 * @param certificates those of the Gateways that the route is attached to; undefined for none
 */
export function byClientCertificate(
  certificates: Iterable<ObjectKey | undefined>,
  translate: (certificate: ObjectKey | undefined) => TranslatedRoute,
): TranslatedRoute {
  const [first, ...others] = new Set(certificates);
  const main = translate(first);
  if (others.length === 0) return main;
  const variants = new Map([
    [first, main],
    ...others.map((certificate) => [certificate, translate(certificate)] as const),
  ]);
  const routes = (listener: ListenerContext): ReturnType<TranslatedRoute['routes']> =>
    (variants.get(listener.clientCertificate) ?? main).routes(listener);
  const clusters = [...new Set([...variants.values()].flatMap((variant) => variant.clusters))];
  return { ...main, routes, clusters };
}
