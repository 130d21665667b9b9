// The types of wit/render.wit, which says of every field what it holds. A `result` is returned, or its error thrown.

export interface Diagnostic {
  severity: "info" | "warning" | "error";
  code: string;
  message: string;
  path: string | null;
  slot: string | null;
}

export interface SlotObject {
  slot: string;
  object: string;
}

export interface Request {
  server: string;
  base: SlotObject[];
  parameters: string | null;
  facts: { name: string; value: string }[];
}

export interface Response {
  objects: SlotObject[];
  diagnostics: Diagnostic[];
}

export type Failure =
  | { tag: "invalid"; val: Diagnostic[] }
  | { tag: "unsupported"; val: string }
  | { tag: "internal"; val: string };

export interface PluginInfo {
  name: string;
  version: string;
  description: string;
  emits: { apiVersion: string; kind: string }[];
  facts: string[];
  parametersSchema: string | null;
}
