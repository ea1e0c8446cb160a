// Talking to the sandbox; an error carries the server's own words.
export async function ask(path, method = "GET", body = undefined) {
  const options = { method, headers: {} };
  if (method !== "GET") {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body ?? {});
  }
  let reply;
  try {
    reply = await fetch(path, options);
  } catch {
    throw new Error("The sandbox does not answer");
  }
  const payload = await reply.json();
  if (!reply.ok) throw new Error(payload.message || `Error ${reply.status}`);
  return payload;
}

export function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}
