/**
 * Liveness and readiness: named checks, their reasons as text.
 * Source: Kubernetes docs, "Kubernetes API health endpoints" (the same form of answer); controller-runtime, pkg/healthz.
 */
import type { EndpointHandler, EndpointResponse } from './httpEndpoint.ts';

/** Says why not, in one sentence; undefined where all is well. Throwing is a failure as well. */
export type HealthCheck = () => string | undefined | Promise<string | undefined>;

/** A check that hangs has failed, after this time in milliseconds. */
const checkTimeoutMs = 5000;

/** The checks of one endpoint. */
export class HealthChecks {
  readonly #checks = new Map<string, HealthCheck>();

  /**
   * Adds a check.
   * @returns removes it
   * @throws Error where there is one of that name
   */
  add(name: string, check: HealthCheck): () => void {
    if (this.#checks.has(name)) throw new Error(`There is a check "${name}" already.`);
    this.#checks.set(name, check);
    return () => this.#checks.delete(name);
  }

  /** The checks that fail now, with their reasons. */
  async failures(): Promise<{ name: string; reason: string }[]> {
    return (await this.#run()).flatMap(({ name, reason }) => (reason === undefined ? [] : [{ name, reason }]));
  }

  /**
   * The answer of an endpoint: 200 `ok`, or 503 with every check and its reason. `verbose` lists the checks in any case.
   * @param only one check by its name; undefined where there is no such check
   */
  async answer(title: string, verbose: boolean, only?: string): Promise<EndpointResponse | undefined> {
    if (only !== undefined && !this.#checks.has(only)) return undefined;
    const results = await this.#run(only);
    const failed = results.some(({ reason }) => reason !== undefined);
    if (!failed && !verbose) return { status: 200, body: 'ok\n' };
    const lines = results.map(({ name, reason }) =>
      reason === undefined ? `[+]${name} ok` : `[-]${name} failed: ${reason}`,
    );
    lines.push(`${title} check ${failed ? 'failed' : 'passed'}`);
    return { status: failed ? 503 : 200, body: `${lines.join('\n')}\n` };
  }

  async #run(only?: string): Promise<{ name: string; reason: string | undefined }[]> {
    const checks = [...this.#checks].filter(([name]) => only === undefined || name === only);
    return await Promise.all(checks.map(async ([name, check]) => ({ name, reason: await run(check) })));
  }
}

async function run(check: HealthCheck): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`The check did not end within ${checkTimeoutMs / 1000} s.`), checkTimeoutMs);
  });
  try {
    return await Promise.race([check(), timeout]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}

/** `/healthz`, `/readyz` and one path per check under them, such as `/readyz/caches`; `?verbose` lists all checks. */
export function healthHandler(liveness: HealthChecks, readiness: HealthChecks): EndpointHandler {
  return (path, query) => {
    const [, endpoint, ...rest] = path.split('/');
    const checks =
      endpoint === 'healthz' || endpoint === 'livez' ? liveness : endpoint === 'readyz' ? readiness : undefined;
    if (checks === undefined || endpoint === undefined) return undefined;
    const only = rest.join('/');
    return checks.answer(endpoint, query.has('verbose'), only === '' ? undefined : decodeURIComponent(only));
  };
}
