/**
 * The clusters that one proxy cannot send traffic to yet: announced, but it has not acknowledged them, or not their
 * endpoints. A route to one of them must wait (Envoy docs, "Eventual consistency considerations": routes are not warmed).
 */
export class ColdClusters {
  readonly #clusters = new Map<string, { revision: number; endpoints: string | undefined }>();
  /** Clusters by the name of their endpoints: mostly one each, but several may share endpoints. */
  readonly #byEndpoints = new Map<string, Set<string>>();
  #oldest: number | undefined = Infinity;

  get size(): number {
    return this.#clusters.size;
  }

  has(cluster: string): boolean {
    return this.#clusters.has(cluster);
  }

  /** @param endpoints the name of its endpoints, if it gets them over EDS. @param revision the store revision that brought it */
  add(cluster: string, endpoints: string | undefined, revision: number): void {
    const before = this.#clusters.get(cluster);
    this.delete(cluster);
    const oldest = Math.min(revision, before?.revision ?? Infinity);
    this.#clusters.set(cluster, { revision: oldest, endpoints });
    if (this.#oldest !== undefined) this.#oldest = Math.min(this.#oldest, oldest);
    if (endpoints === undefined) return;
    const sharing = this.#byEndpoints.get(endpoints);
    if (sharing === undefined) this.#byEndpoints.set(endpoints, new Set([cluster]));
    else sharing.add(cluster);
  }

  delete(cluster: string): void {
    const entry = this.#clusters.get(cluster);
    if (entry === undefined) return;
    this.#clusters.delete(cluster);
    if (entry.revision === this.#oldest) this.#oldest = undefined;
    if (entry.endpoints === undefined) return;
    const sharing = this.#byEndpoints.get(entry.endpoints);
    sharing?.delete(cluster);
    if (sharing?.size === 0) this.#byEndpoints.delete(entry.endpoints);
  }

  clear(): void {
    this.#clusters.clear();
    this.#byEndpoints.clear();
    this.#oldest = Infinity;
  }

  names(): string[] {
    return [...this.#clusters.keys()];
  }

  /** The cold clusters that wait for these endpoints. */
  waitingFor(endpoints: string): string[] {
    return [...(this.#byEndpoints.get(endpoints) ?? [])];
  }

  endpointsOf(cluster: string): string | undefined {
    return this.#clusters.get(cluster)?.endpoints;
  }

  /** The revision that brought the oldest of them; Infinity if there is none. */
  oldestRevision(): number {
    this.#oldest ??= this.#clusters.values().reduce((oldest, { revision }) => Math.min(oldest, revision), Infinity);
    return this.#oldest;
  }
}
