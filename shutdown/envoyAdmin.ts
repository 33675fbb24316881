/** The few calls that the shutdown manager makes to Envoy's admin interface. */
import { Agent, request } from 'undici';
import { readTraffic, trafficFilter, type Traffic } from './traffic.ts';

export interface EnvoyAdmin {
  /** Answers readiness with 503 from now on. */
  failHealthCheck(): Promise<void>;
  /** Asks callers to go, with `Connection: close` and GOAWAY, and keeps the listeners open. */
  drainListeners(): Promise<void>;
  traffic(): Promise<Traffic>;
  close(): Promise<void>;
}

/** The admin interface at `origin`, for example `http://127.0.0.1:19000`. Source: Envoy docs, "Administration interface". */
export function envoyAdmin(origin: string): EnvoyAdmin {
  const dispatcher = new Agent({ connections: 1, headersTimeout: 5000, bodyTimeout: 5000, connectTimeout: 2000 });
  const call = async (method: 'GET' | 'POST', path: string): Promise<string> => {
    const response = await request(`${origin}${path}`, { method, dispatcher });
    const text = await response.body.text();
    if (response.statusCode !== 200)
      throw new Error(`Envoy answered ${method} ${path} with ${response.statusCode}: ${text.trim()}`);
    return text;
  };
  return {
    async failHealthCheck() {
      await call('POST', '/healthcheck/fail');
    },
    async drainListeners() {
      await call('POST', '/drain_listeners?graceful&skip_exit');
    },
    async traffic() {
      const answer: unknown = JSON.parse(
        await call('GET', `/stats?format=json&filter=${encodeURIComponent(trafficFilter)}`),
      );
      return readTraffic(answer);
    },
    close: () => dispatcher.close(),
  };
}
