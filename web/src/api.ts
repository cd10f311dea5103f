/** The server's answers: one function a route. Messages are those of `protocol.ts`. */
import { unpack } from "./arrays";
import type * as P from "./protocol";

/** The server said no; `problem` says what and why. */
export class ApiError extends Error {
  constructor(readonly problem: P.Problem) {
    super(problem.detail || problem.title);
  }
}

/** No answer: no network, or the server is gone. */
export class Unreachable extends Error {
  constructor() {
    super("The server does not answer.");
  }
}

const TIMEOUT_MS = 30_000;

/** A segment-wise preview: arrays are in the dense order of segments. */
export interface Preview extends P.PreviewHead {
  readonly instance: Int32Array;
  readonly confidence: Uint8Array;
}

/** Labels of every vertex; -1 for none. */
export interface LayerLabels {
  readonly instance: Int32Array;
  readonly semantic: Int32Array;
}

function path(...parts: string[]): string {
  return `/api/${parts.map(encodeURIComponent).join("/")}`;
}

async function request(
  url: string,
  init: RequestInit = {},
  timeout = TIMEOUT_MS,
): Promise<Response> {
  let answer: Response;
  try {
    const signal = init.signal ?? AbortSignal.timeout(timeout);
    answer = await fetch(url, { credentials: "same-origin", cache: "no-store", ...init, signal });
  } catch {
    throw new Unreachable();
  }
  if (!answer.ok) throw new ApiError(await problemOf(answer));
  return answer;
}

async function problemOf(answer: Response): Promise<P.Problem> {
  const plain = { title: answer.statusText, status: answer.status, detail: "" };
  try {
    const told = (await answer.json()) as Partial<P.Problem>;
    return { ...plain, ...told, status: answer.status };
  } catch {
    return { ...plain, detail: `The server answered ${answer.status} ${answer.statusText}`.trim() };
  }
}

async function json<T>(url: string, init?: RequestInit): Promise<T> {
  const answer = await request(url, init);
  try {
    return (await answer.json()) as T;
  } catch {
    throw new Unreachable(); // the connection broke in the middle of the answer
  }
}

function post(body: unknown, extra: RequestInit = {}): RequestInit {
  const headers = { "Content-Type": "application/json" };
  return { method: "POST", headers, body: JSON.stringify(body), ...extra };
}

async function container<H>(
  url: string,
  init?: RequestInit,
  timeout?: number,
): Promise<ReturnType<typeof unpack<H>>> {
  const answer = await request(url, init, timeout);
  return unpack<H>(await answer.arrayBuffer());
}

export const session = (): Promise<P.Session> => json(path("session"));
export const login = (who: P.Credentials): Promise<P.Session> => json(path("login"), post(who));
export const logout = (): Promise<Response> => request(path("logout"), { method: "POST" });
export const scenes = (): Promise<P.SceneSummary[]> => json(path("scenes"));
export const scene = (name: string): Promise<P.SceneInfo> => json(path("scenes", name));
export const stats = (): Promise<P.Stats> => json(path("stats"));
export const truth = (name: string): Promise<P.Truth> => json(path("scenes", name, "truth"));
export const agreement = (name: string): Promise<P.Agreement> =>
  json(path("scenes", name, "agreement"));
export const geometryUrl = (name: string): string => path("scenes", name, "geometry");

/** The labels of a layer, one a vertex. */
export async function layer(name: string, which: string): Promise<LayerLabels> {
  const { arrays } = await container(path("scenes", name, "layers", which));
  return { instance: arrays.instance as Int32Array, semantic: arrays.semantic as Int32Array };
}

/** What the clicks spread to. The network may take long, so the wait is bounded generously. */
export async function preview(name: string, body: P.PreviewRequest): Promise<Preview> {
  const url = path("scenes", name, "preview");
  const { head, arrays } = await container<P.PreviewHead>(url, post(body), 120_000);
  const instance = arrays.instance as Int32Array;
  return { ...head, instance, confidence: arrays.confidence as Uint8Array };
}

/** The clicks of a file in any of the three forms; nothing is saved by this. */
export const readClicks = (name: string, file: Blob): Promise<P.ReadClicks> =>
  json(path("scenes", name, "clicks"), {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: file,
  });

export const readLabels = (name: string, file: Blob): Promise<P.ReadClicks> =>
  json(path("scenes", name, "labels"), {
    method: "POST",
    headers: { "Content-Type": "application/octet-stream" },
    body: file,
  });

const track = (name: string, annotator: string, ...rest: string[]): string =>
  path("scenes", name, "tracks", annotator, ...rest);

export const log = (name: string, annotator: string, after: number): Promise<P.Log> =>
  json(`${track(name, annotator, "log")}?after=${after}`);
export const write = (name: string, annotator: string, body: P.Write): Promise<P.Written> =>
  json(track(name, annotator, "log"), post(body));
export const lease = (name: string, annotator: string, body: P.LeaseRequest): Promise<P.Lease> =>
  json(track(name, annotator, "lease"), post(body));

/** Give the lease back; also while the page goes away, so nothing waits for the answer. */
export function release(name: string, annotator: string, client: string): void {
  const url = `${track(name, annotator, "lease")}?client=${encodeURIComponent(client)}`;
  fetch(url, { method: "DELETE", credentials: "same-origin", keepalive: true }).catch(() => {
    // The lease runs out by itself.
  });
}

/** A file made of a track, and the name that the server gives it. */
export async function download(
  name: string,
  annotator: string,
  format: string,
): Promise<{ blob: Blob; file: string }> {
  const answer = await request(track(name, annotator, "export", format), {}, 120_000);
  const told = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition") ?? "");
  return { blob: await answer.blob(), file: told?.[1] ?? `${name}-${format}` };
}
