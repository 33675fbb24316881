/**
 * Keeps the operator's certificate authority and what session ticket keys are made from in a Secret, and the certificate of
 * the xDS server in memory.
 */
import type { Logger } from 'pino';
import type { Secret } from '../../api/core.ts';
import { labels, managedBy } from '../../api/names.ts';
import { keyOf } from '../../api/object.ts';
import { type Cache, type Client, isAlreadyExists, isConflict, isNotFound } from '../../runtime/index.ts';
import { resources } from '../resources.ts';
import {
  advanceAuthority,
  createAuthority,
  decodeAuthority,
  encodeAuthority,
  nextAuthorityStep,
  renewalTime,
  stageAuthority,
  trustBundle,
  type Authority,
} from './authority.ts';
import { issueLeaf, leafProblem, type Leaf } from './leaf.ts';
import type { CertificatePolicy } from './policy.ts';
import {
  advanceSessionTicketSecrets,
  createSessionTicketSecrets,
  decodeSessionTicketSecrets,
  encodeSessionTicketSecrets,
  nextSessionTicketStep,
  type SessionTicketSecrets,
} from './sessionTickets.ts';

export interface CertificateKeeperOptions {
  client: Client;
  /** The Secret of the authority and no other. */
  secrets: Cache<Secret>;
  namespace: string;
  name: string;
  /** DNS names of the xDS server. */
  serverNames: readonly string[];
  policy: CertificatePolicy;
  now: () => Date;
  logger: Logger;
}

/** `setTimeout` takes no more. */
const longestTimeout = 2 ** 31 - 1;
const retryAfter = 5000;

export class CertificateKeeper {
  readonly #options: CertificateKeeperOptions;
  readonly #listeners = new Set<() => void>();
  #authority: Authority | undefined;
  #sessionTickets: SessionTicketSecrets | undefined;
  #server: Leaf | undefined;
  #problem: string | undefined = 'The Secret of the certificate authority has not been read yet.';
  #leading = false;
  #timer: NodeJS.Timeout | undefined;
  #work: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: CertificateKeeperOptions) {
    this.#options = options;
  }

  /** The authority, as far as there is a good one. */
  get authority(): Authority | undefined {
    return this.#authority;
  }

  /** What session ticket keys are made from; undefined while there is nothing. */
  get sessionTickets(): SessionTicketSecrets | undefined {
    return this.#sessionTickets;
  }

  /** The xDS server's certificate; undefined while there is no authority. */
  get server(): Leaf | undefined {
    return this.#server;
  }

  /** Why certificates cannot be issued, in one sentence; undefined while all is well. What was good stays in use. */
  problem(): string | undefined {
    return this.#problem;
  }

  /** Calls `listener` when the authority, session tickets or the server's certificate changed. Returns the way to stop. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Begins to read; writing is for the leader. The Secret's cache must have synced. */
  start(): void {
    this.#options.secrets.onChange(({ key }) => {
      if (key === this.#key) this.#tend();
    });
    this.#tend();
  }

  /** Whether this replica may create and rotate. */
  lead(leading: boolean): void {
    this.#leading = leading;
    if (leading) this.#tend();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#work;
  }

  get #key(): string {
    return keyOf(this.#options.namespace, this.#options.name);
  }

  /** One look after another. */
  #tend(): void {
    this.#work = this.#tendAfter(this.#work);
  }

  async #tendAfter(previous: Promise<void>): Promise<void> {
    await previous;
    if (this.#stopped) return;
    clearTimeout(this.#timer);
    let next = retryAfter;
    try {
      next = await this.#look();
    } catch (error) {
      const advice = isNotFound(error)
        ? `. Create the namespace ${this.#options.namespace}, or start the operator with the one that it runs in.`
        : '';
      this.#problem = `The Secret ${this.#key} of the certificate authority cannot be written: ${error instanceof Error ? error.message : String(error)}${advice}`;
      this.#options.logger.error({ err: error }, 'The certificate authority cannot be kept.');
    }
    this.#timer = setTimeout(() => this.#tend(), Math.min(Math.max(next, 1000), longestTimeout));
  }

  /** Reads, advances and issues what is due. Resolves to the milliseconds until the next thing is. */
  async #look(): Promise<number> {
    const { secrets, policy, now, serverNames } = this.#options;
    const secret = secrets.get(this.#key);
    const before = this.#authority;
    const ticketsBefore = this.#sessionTickets;
    let authority: Authority | undefined;
    let tickets: SessionTicketSecrets | undefined;
    if (secret === undefined) {
      if (!this.#leading) {
        this.#problem = `The Secret ${this.#key} of the certificate authority does not exist yet; the leading replica creates it.`;
        return retryAfter;
      }
      // Who deletes the Secret wants a new authority: it comes the way that lets nobody out.
      authority =
        before === undefined ? await createAuthority(policy, now()) : await stageAuthority(before, policy, now());
      tickets = ticketsBefore ?? createSessionTicketSecrets(now());
      if (!(await this.#create(authority, tickets))) return 0;
    } else {
      const decoded = decodeAuthority(secret.data);
      if ('problem' in decoded) {
        this.#problem = `The Secret ${this.#key} holds no certificate authority, because ${decoded.problem}. Restore it from a backup, or delete it to get a new authority.`;
        return await this.#issueServer(serverNames, before);
      }
      authority = decoded.authority;
      const stored = decodeSessionTicketSecrets(secret.data);
      tickets = stored ?? ticketsBefore;
      if (this.#leading) {
        const advanced = await advanceAuthority(authority, policy, now());
        tickets = advanceSessionTicketSecrets(tickets ?? createSessionTicketSecrets(now()), now());
        const isDue = advanced !== authority || tickets !== stored;
        if (isDue && !(await this.#update(secret, advanced, tickets))) return 0;
        authority = advanced;
      }
    }
    this.#problem = undefined;
    const changed =
      before === undefined ||
      JSON.stringify(encodeAuthority(before)) !== JSON.stringify(encodeAuthority(authority)) ||
      JSON.stringify(ticketsBefore) !== JSON.stringify(tickets);
    this.#authority = authority;
    this.#sessionTickets = tickets;
    const next = await this.#issueServer(serverNames, authority);
    if (changed) this.#tell();
    const steps = [
      nextAuthorityStep(authority, policy),
      ...(tickets === undefined ? [] : [nextSessionTicketStep(tickets)]),
    ];
    return Math.min(next, ...steps.map((step) => step.getTime() - now().getTime()));
  }

  async #issueServer(serverNames: readonly string[], authority: Authority | undefined): Promise<number> {
    const { policy, now, logger } = this.#options;
    if (authority === undefined) return retryAfter;
    const subject = { serverNames };
    const present = this.#server;
    const why = present === undefined ? 'there is none' : leafProblem(present, subject, authority, policy, now());
    if (why !== undefined) {
      this.#server = await issueLeaf(subject, authority, policy, now());
      logger.info({ why }, 'The xDS server has a new certificate.');
      this.#tell();
    } else if (present !== undefined && present.trustBundle !== trustBundle(authority)) {
      this.#server = { ...present, trustBundle: trustBundle(authority) };
      this.#tell();
    }
    return this.#server === undefined
      ? retryAfter
      : renewalTime(this.#server.certificate, policy).getTime() - now().getTime();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }

  async #create(authority: Authority, tickets: SessionTicketSecrets): Promise<boolean> {
    const { client, namespace, name, logger } = this.#options;
    try {
      await client.create(resources.secrets, {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: {
          namespace,
          name,
          labels: {
            [labels.name]: 'sluice',
            [labels.component]: 'certificate-authority',
            [labels.managedBy]: managedBy,
          },
        },
        type: 'Opaque',
        data: { ...encodeAuthority(authority), ...encodeSessionTicketSecrets(tickets) },
      });
      logger.info({ secret: this.#key }, 'A certificate authority was created.');
      return true;
    } catch (error) {
      // Made a moment ago by who led before: the cache will tell.
      if (isAlreadyExists(error)) return false;
      throw error;
    }
  }

  async #update(secret: Secret, authority: Authority, tickets: SessionTicketSecrets): Promise<boolean> {
    try {
      const data = { ...encodeAuthority(authority), ...encodeSessionTicketSecrets(tickets) };
      await this.#options.client.update(resources.secrets, { ...secret, data });
      this.#options.logger.info(
        { secret: this.#key },
        'The certificate authority, or the keys of session tickets, took the next step of their rotation.',
      );
      return true;
    } catch (error) {
      if (isConflict(error)) return false;
      throw error;
    }
  }
}
