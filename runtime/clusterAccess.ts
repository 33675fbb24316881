/**
 * How to reach an API server and as whom: from a kubeconfig, or from the ServiceAccount of the Pod.
 *
 * The parsing of kubeconfigs and the authenticators are those of @kubernetes/client-node, imported file by file: its
 * index loads all generated API classes, which costs 0.9 s at start and 90 MB of memory.
 */
import { readFile } from 'node:fs/promises';
import { existsSync, readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { isIPv6 } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { type ConnectionOptions, createSecureContext } from 'node:tls';
import type { Authenticator } from '@kubernetes/client-node/dist/auth.js';
import {
  type Cluster,
  type Context,
  newClusters,
  newContexts,
  newUsers,
  type User,
} from '@kubernetes/client-node/dist/config_types.js';
import { ExecAuth } from '@kubernetes/client-node/dist/exec_auth.js';
import { FileAuth } from '@kubernetes/client-node/dist/file_auth.js';
import { parse } from 'yaml';

/** Where Kubernetes mounts the credentials of a Pod. Source: Kubernetes docs, "Accessing the Kubernetes API from a Pod". */
const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

/** No API server is configured, or its configuration cannot be used. The message says what to do. */
export class KubeconfigError extends Error {
  override readonly name = 'KubeconfigError';
}

/** What identifies both sides of a TLS connection. */
export type TlsIdentity = Pick<ConnectionOptions, 'ca' | 'cert' | 'key' | 'rejectUnauthorized' | 'servername'>;

/** An API server and a user of it. */
export class ClusterAccess {
  readonly cluster: Cluster;
  readonly user: User;
  /** The namespace of the context or of the Pod, where one is set. */
  readonly namespace: string | undefined;
  #authenticator: Promise<Authenticator | undefined> | undefined;

  constructor(cluster: Cluster, user: User, namespace?: string) {
    this.cluster = cluster;
    this.user = user;
    this.namespace = namespace;
  }

  /** The URL of the API server, without a slash at its end. */
  get server(): string {
    return this.cluster.server;
  }

  /** Headers that prove who asks. Tokens from files and plugins are read again as they expire. */
  async headers(): Promise<Record<string, string>> {
    const options = await this.#authenticate();
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(options.headers ?? {})) headers[name] = String(value).trim();
    const { token, username, password, impersonateUser } = this.user;
    if (token !== undefined) headers['Authorization'] = `Bearer ${token}`;
    else if (username !== undefined) {
      headers['Authorization'] = `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
    }
    if (impersonateUser !== undefined) headers['Impersonate-User'] = impersonateUser;
    return headers;
  }

  /** TLS options of a new connection; the files are read each time, because they rotate. */
  async tls(): Promise<TlsIdentity> {
    const { cluster, user } = this;
    const fromPlugin = await this.#authenticate();
    const options: TlsIdentity = {};
    const ca = await fileOrData(cluster.caFile, cluster.caData);
    const cert = (fromPlugin.cert as string | undefined) ?? (await fileOrData(user.certFile, user.certData));
    const key = (fromPlugin.key as string | undefined) ?? (await fileOrData(user.keyFile, user.keyData));
    if (ca !== undefined) options.ca = ca;
    if (cert !== undefined) options.cert = cert;
    if (key !== undefined) options.key = key;
    if (cluster.skipTLSVerify) options.rejectUnauthorized = false;
    if (cluster.tlsServerName !== undefined) options.servername = cluster.tlsServerName;
    return options;
  }

  /**
   * Reads certificates and keys, as a connection will.
   * @throws KubeconfigError where a file is missing or holds something else
   */
  async check(): Promise<void> {
    try {
      createSecureContext(await this.tls());
    } catch (cause) {
      throw new KubeconfigError(
        `The credentials for the API server at ${this.server} cannot be used: ${messageOf(cause)}. Correct cluster "${this.cluster.name}" or user "${this.user.name}" of the kubeconfig.`,
        { cause },
      );
    }
  }

  /** Forgets cached tokens: the API server has refused one. */
  refresh(): void {
    this.#authenticator = undefined;
  }

  async #authenticate(): Promise<RequestOptions> {
    this.#authenticator ??= authenticatorOf(this.user);
    const authenticator = await this.#authenticator;
    const options: RequestOptions = { headers: {} };
    await authenticator?.applyAuthentication(this.user, options);
    return options;
  }
}

async function authenticatorOf(user: User): Promise<Authenticator | undefined> {
  const candidates: Authenticator[] = [new ExecAuth(), new FileAuth()];
  if ((user.authProvider as { name?: string } | undefined)?.name === 'oidc') {
    const { OpenIDConnectAuth } = await import('@kubernetes/client-node/dist/oidc_auth.js');
    candidates.push(new OpenIDConnectAuth());
  }
  return candidates.find((candidate) => candidate.isAuthProvider(user));
}

async function fileOrData(file: string | undefined, data: string | undefined): Promise<Buffer | undefined> {
  if (file !== undefined && file !== '') return await readFile(file);
  return data === undefined || data === '' ? undefined : Buffer.from(data, 'base64');
}

export interface LoadOptions {
  /** A kubeconfig file; default: `$KUBECONFIG` (may be a list), else the Pod's ServiceAccount, else `~/.kube/config`. */
  kubeconfig?: string | undefined;
  /** The context in it; default: its current one. */
  context?: string | undefined;
  environment?: Readonly<Record<string, string | undefined>>;
}

/**
 * Finds out which API server to talk to, in the order of client-go.
 * @throws KubeconfigError where none is configured or the configuration is not usable
 */
export function loadClusterAccess(options: LoadOptions = {}): ClusterAccess {
  const environment = options.environment ?? process.env;
  const named = options.kubeconfig ?? nonEmpty(environment['KUBECONFIG']);
  if (named !== undefined)
    return fromFiles(
      named.split(delimiter).filter((file) => file !== ''),
      options.context,
    );
  const inCluster = fromServiceAccount(environment);
  if (inCluster !== undefined) return inCluster;
  const inHome = join(environment['HOME'] ?? homedir(), '.kube', 'config');
  if (existsSync(inHome)) return fromFiles([inHome], options.context);
  throw new KubeconfigError(
    `No API server is configured: this is no Pod with a ServiceAccount and there is no ${inHome}. Set KUBECONFIG to a kubeconfig file.`,
  );
}

/**
 * Reads a kubeconfig from its text. Relative paths in it are relative to `directory`.
 * @throws KubeconfigError where it names no usable API server
 */
export function parseKubeconfig(
  text: string,
  options: { source?: string; directory?: string; context?: string | undefined } = {},
): ClusterAccess {
  const source = options.source ?? 'The kubeconfig';
  return select([parseFile(text, source, options.directory)], source, options.context);
}

interface Kubeconfig {
  clusters: Cluster[];
  users: User[];
  contexts: Context[];
  currentContext: string | undefined;
}

function fromFiles(files: string[], context: string | undefined): ClusterAccess {
  const parsed = files.map((file) => {
    let text: string;
    try {
      text = readFileSync(file, 'utf8');
    } catch (cause) {
      throw new KubeconfigError(`The kubeconfig ${file} cannot be read: ${messageOf(cause)}`, { cause });
    }
    return parseFile(text, `The kubeconfig ${file}`, dirname(file));
  });
  return select(parsed, `The kubeconfig ${files.join(', ')}`, context);
}

function parseFile(text: string, source: string, directory: string | undefined): Kubeconfig {
  try {
    const content = (parse(text) ?? {}) as Record<string, unknown>;
    const absolute = (file: string | undefined): string | undefined =>
      file === undefined || file === '' || directory === undefined || isAbsolute(file) ? file : join(directory, file);
    const clusters = newClusters(content['clusters'] ?? []).map((cluster) => ({
      ...cluster,
      caFile: absolute(cluster.caFile),
    }));
    const users = newUsers(content['users'] ?? []).map((user) => {
      // A user without fields comes with nulls.
      const present = Object.fromEntries(Object.entries(user).filter(([, value]) => value !== null)) as unknown as User;
      return { ...present, certFile: absolute(present.certFile), keyFile: absolute(present.keyFile) };
    });
    return {
      clusters: clusters as Cluster[],
      users: users as User[],
      contexts: newContexts(content['contexts'] ?? []),
      currentContext: nonEmpty(content['current-context'] as string | undefined),
    };
  } catch (cause) {
    // A parser shows the place in more lines.
    const [sentence = ''] = messageOf(cause).split('\n');
    throw new KubeconfigError(`${source} is not valid: ${sentence.replace(/:$/, '')}.`, { cause });
  }
}

/** Of several files the first that says something wins. Source: Kubernetes docs, "Merging kubeconfig files". */
function select(files: Kubeconfig[], source: string, wanted: string | undefined): ClusterAccess {
  const name = wanted ?? files.find((file) => file.currentContext !== undefined)?.currentContext;
  if (name === undefined) throw new KubeconfigError(`${source} has no current-context: name a context.`);
  const context = files.flatMap((file) => file.contexts).find((candidate) => candidate.name === name);
  if (context === undefined) throw new KubeconfigError(`${source} has no context "${name}".`);
  const cluster = files.flatMap((file) => file.clusters).find((candidate) => candidate.name === context.cluster);
  if (cluster === undefined)
    throw new KubeconfigError(`${source} has no cluster "${context.cluster}", which context "${name}" names.`);
  const user =
    (context.user as string | undefined) === undefined
      ? { name: 'anonymous' }
      : files.flatMap((file) => file.users).find((candidate) => candidate.name === context.user);
  if (user === undefined)
    throw new KubeconfigError(`${source} has no user "${context.user}", which context "${name}" names.`);
  if (!URL.canParse(cluster.server))
    throw new KubeconfigError(`${source} has no valid URL as server of cluster "${cluster.name}": ${cluster.server}`);
  return new ClusterAccess(cluster, user, context.namespace);
}

function fromServiceAccount(environment: Readonly<Record<string, string | undefined>>): ClusterAccess | undefined {
  const host = nonEmpty(environment['KUBERNETES_SERVICE_HOST']);
  const port = nonEmpty(environment['KUBERNETES_SERVICE_PORT']);
  const tokenFile = join(serviceAccountDirectory, 'token');
  if (host === undefined || port === undefined || !existsSync(tokenFile)) return undefined;
  const namespaceFile = join(serviceAccountDirectory, 'namespace');
  return new ClusterAccess(
    {
      name: 'in-cluster',
      server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`,
      caFile: join(serviceAccountDirectory, 'ca.crt'),
      skipTLSVerify: false,
    },
    { name: 'service-account', authProvider: { name: 'tokenFile', config: { tokenFile } } },
    existsSync(namespaceFile) ? readFileSync(namespaceFile, 'utf8').trim() : undefined,
  );
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
