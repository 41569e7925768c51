// *Send* at an operation of the API reference: a form made of what openapi.json says of it, and the answer as it came.

import * as session from "./session.js";
import { base } from "./base.js";
import { element } from "./format.js";

const SHOWN = ["content-type", "location", "x-receipt", "x-id", "etag", "retry-after", "preference-applied", "x-request-id"];
let described = null;

/** Adds the form to an operation that is opened. */
export async function addSender(part) {
  described ??= fetch(new URL("openapi.json", base)).then((answer) => answer.json());
  const found = find(await described, part.id);
  if (found) part.append(formOf(part.id, found));
}

function find(api, id) {
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      if (operation.operationId === id) return { path, method, operation };
    }
  }
  return null;
}

function formOf(id, { path, method, operation }) {
  const fields = operation.parameters.map((each) => parameterField(id, each));
  const [kind, content] = Object.entries(operation.requestBody?.content ?? {})[0] ?? [];
  const body = content && bodyField(id, content.example);
  const answer = element("output", {});
  answer.setAttribute("role", "status");
  const button = element("button", { type: "submit", className: "primary" }, "Send");
  const form = element("form", { className: "send", noValidate: false },
    element("div", { className: "inputs" }, ...fields.map((each) => each.node), ...(body ? [body.node] : [])),
    button, answer);
  form.setAttribute("aria-label", `Send ${id}`);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    await show(answer, request(path, method, fields, kind, body?.input.value));
    button.disabled = false;
  });
  return form;
}

function parameterField(id, parameter) {
  const name = `${id}-${parameter.in}-${parameter.name}`;
  const isFlag = parameter.schema.maxLength === 0;
  const input = inputOf(parameter, isFlag);
  Object.assign(input, { id: name, required: parameter.required });
  const label = element("label", { htmlFor: name }, parameter.name);
  const node = isFlag
    ? element("div", { className: "check" }, input, label)
    : element("div", { className: "field" }, label, input);
  return { parameter, input, node, isFlag };
}

function inputOf({ schema, example }, isFlag) {
  if (isFlag) return element("input", { type: "checkbox", checked: example === "" });
  if (schema.enum) return element("select", {}, ...["", ...schema.enum].map((each) => element("option", {}, each)));
  const hint = schema.default ?? schema.examples?.[0] ?? "";
  return element("input", { value: example ?? "", placeholder: String(hint), autocomplete: "off", spellcheck: false });
}

function bodyField(id, example) {
  const text = typeof example === "string" ? example : JSON.stringify(example, null, 2);
  const input = element("textarea", { id: `${id}-body`, value: text, spellcheck: false });
  return { input, node: element("div", { className: "field whole" },
    element("label", { htmlFor: `${id}-body` }, "Body"), input) };
}

/** What fetch is asked: the address, and everything else. */
function request(path, method, fields, kind, body) {
  const headers = { Accept: "application/json, */*;q=0.5", ...session.headers() };
  const query = [];
  let filled = path;
  for (const { parameter, input, isFlag } of fields) {
    const { name, in: place } = parameter;
    if (isFlag ? !input.checked : !input.value) continue;
    if (place === "path") filled = filled.replace(`{${name}}`, encodeURIComponent(input.value));
    else if (place === "header") headers[name] = input.value;
    else query.push(isFlag ? name : `${name}=${encodeURIComponent(input.value)}`);
  }
  if (kind) headers["Content-Type"] = kind;
  const address = new URL(`.${filled}${query.length ? `?${query.join("&")}` : ""}`, base);
  return [address, { method: method.toUpperCase(), headers, body, cache: "no-store" }];
}

async function show(answer, [address, options]) {
  const began = performance.now();
  try {
    const came = await fetch(address, options);
    const text = await came.text();
    const took = Math.round(performance.now() - began);
    if (came.status === 401) session.ask();
    const headers = SHOWN.filter((name) => came.headers.has(name)).map((name) => `${name}: ${came.headers.get(name)}`);
    answer.replaceChildren(
      element("p", { className: "status" }, `${came.status} ${came.statusText} · ${took} ms`),
      pre(`${options.method} ${address.pathname}${address.search}\n\n${headers.join("\n")}`),
      ...(text ? [pre(pretty(text))] : []));
  } catch {
    answer.replaceChildren(element("p", { className: "status" }, "The server can't be reached. Send it again."));
  }
}

function pre(text) {
  return element("pre", { tabIndex: 0 }, element("code", {}, text));
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
