// The admin API of the proxy that this page came from.

export function path(app, ...rest) {
  return ["/api/apps", encodeURIComponent(app), ...rest.map(encodeURIComponent)].join("/");
}

export async function get(url) {
  return told(await fetch(url));
}

export async function post(url, document) {
  const body = document === undefined ? undefined : JSON.stringify(document);
  return told(await fetch(url, { method: "POST", body, headers: { "content-type": "application/json" } }));
}

async function told(response) {
  if (response.status === 401) location.reload(); // a session has ended: the form comes instead of the page
  const document = await response.json();
  if (!response.ok) throw new Error(document.error.message);
  return document;
}

// Calls `take` with the documents of a stream that has one JSON object a line, as they come, until `signal` ends it.
export async function follow(url, take, signal) {
  const response = await fetch(url, { signal });
  if (!response.ok) await told(response);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    const documents = lines.filter(Boolean).map((line) => JSON.parse(line));
    if (documents.length) take(documents);
  }
}
