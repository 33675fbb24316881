/** Connections that last: a WebSocket, and a download whose end the test decides. */
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { WebSocket } from 'ws';
import { waitFor } from '../../fixtures/index.ts';
import { type RequestTo, send } from './request.ts';

/** What must not break off. */
export interface LongLived {
  readonly name: string;
  /** Something new comes through it. @throws Error where it has broken off, or was not right at any time */
  expectAlive(): Promise<void>;
  /** Ends it from the client's side, and checks that it ended well. */
  finish(): Promise<void>;
}

/** A WebSocket to echo-basic, over which a message goes back and forth all the time. */
export class EchoSocket implements LongLived {
  readonly name: string;
  readonly #socket: WebSocket;
  #echoes = 0;
  #ended: string | undefined;

  private constructor(name: string, socket: WebSocket) {
    this.name = name;
    this.#socket = socket;
    let sent = 0;
    const next = (): void => socket.send(`message ${++sent}`);
    socket.on('message', (data: Buffer) => {
      if (data.toString() === `message ${sent}`) this.#echoes += 1;
      else this.#ended ??= `instead of "message ${sent}" came back "${data.toString().slice(0, 100)}"`;
      setTimeout(() => {
        if (socket.readyState === WebSocket.OPEN) next();
      }, 50);
    });
    socket.on('close', (code, reason) => {
      this.#ended ??= `it was closed with code ${code} ${reason.toString()}`;
    });
    socket.on('error', (error) => {
      this.#ended ??= String(error);
    });
    next();
  }

  /** @throws Error where the upgrade is refused */
  static async open(name: string, to: RequestTo): Promise<EchoSocket> {
    const secure = to.authorities !== undefined;
    const url = `${secure ? 'wss' : 'ws'}://${to.address}:${to.port}${to.path ?? '/ws'}`;
    const socket = new WebSocket(url, {
      origin: `http://${to.host}`,
      headers: { host: to.host },
      ...(secure ? { ca: to.authorities!, servername: to.host } : {}),
    });
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return new EchoSocket(name, socket);
  }

  async expectAlive(): Promise<void> {
    const before = this.#echoes;
    await waitFor(`${this.name} to echo, or to end`, () => this.#echoes > before + 1 || this.#ended !== undefined);
    if (this.#ended !== undefined) throw new Error(`${this.name} did not last: ${this.#ended}`);
  }

  async finish(): Promise<void> {
    await this.expectAlive();
    this.#ended = 'it was finished by the test';
    const closed = new Promise((resolve) => {
      this.#socket.once('close', resolve);
    });
    this.#socket.close();
    await closed;
  }
}

/** A download of numbered lines from upstream/upstream.ts. */
export class Download implements LongLived {
  readonly name: string;
  readonly #id: string;
  readonly #to: RequestTo;
  #lines = 0;
  #rest = '';
  #ended: string | undefined;

  private constructor(name: string, id: string, to: RequestTo, response: IncomingMessage) {
    this.name = name;
    this.#id = id;
    this.#to = to;
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => this.#read(chunk));
    response.once('end', () => {
      this.#ended ??= 'its body ended without its last line';
    });
    response.once('error', (error) => {
      this.#ended ??= `${String(error)} after ${this.#lines} lines`;
    });
  }

  /**
   * @param to a route that leads to the upstream under its own paths
   * @throws Error where the answer is not 200
   */
  static async open(name: string, to: RequestTo): Promise<Download> {
    const id = crypto.randomUUID();
    const secure = to.authorities !== undefined;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = (secure ? httpsRequest : httpRequest)(
        {
          host: to.address,
          port: to.port,
          path: `/download/${id}`,
          headers: { host: to.host },
          agent: false,
          ...(secure ? { ca: to.authorities!, servername: to.host } : {}),
        },
        resolve,
      );
      request.once('error', reject);
      request.end();
    });
    if (response.statusCode !== 200) throw new Error(`${name} was answered with ${response.statusCode}`);
    return new Download(name, id, to, response);
  }

  #read(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n');
    this.#rest = lines.pop()!;
    for (const line of lines) {
      if (line === 'end') this.#ended ??= 'complete';
      else if (line === String(this.#lines)) this.#lines += 1;
      else this.#ended ??= `line ${this.#lines} was "${line.slice(0, 100)}"`;
    }
  }

  async expectAlive(): Promise<void> {
    const before = this.#lines;
    await waitFor(`${this.name} to bring more, or to end`, () => this.#lines > before + 2 || this.#ended !== undefined);
    if (this.#ended !== undefined) throw new Error(`${this.name} did not last: ${this.#ended}`);
  }

  async finish(): Promise<void> {
    await this.expectAlive();
    const { status, body } = await send({ ...this.#to, method: 'POST', path: `/finish/${this.#id}` });
    if (status !== 200 || body !== '1\n') throw new Error(`${this.name} could not be finished: ${status} ${body}`);
    await waitFor(`${this.name} to end`, () => this.#ended !== undefined);
    if (this.#ended !== 'complete') throw new Error(`${this.name} did not end well: ${this.#ended}`);
  }
}
