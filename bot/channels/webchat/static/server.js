// Requests to our own server, and the live stream.

export class Refused extends Error {
  constructor(status, code, after) {
    super(code);
    this.status = status;
    this.code = code;
    this.after = after; // milliseconds until it is worth another try, or 0
  }
}

export class Unreachable extends Error {}

const SILENCE = 40_000; // the server breathes every 15 s
const TIMEOUT = 20_000;

export class Server {
  constructor(site, visitor) {
    this.site = site;
    this.visitor = visitor;
  }

  headers(more) {
    const headers = { "X-Webchat-Site": this.site, ...more };
    if (this.visitor) headers["X-Webchat-Visitor"] = this.visitor;
    return headers;
  }

  get(path, query = {}) {
    return this.ask(`${path}?${new URLSearchParams(query)}`, { method: "GET", headers: this.headers() });
  }

  post(path, form = {}) {
    const headers = this.headers({ "Content-Type": "application/json" });
    return this.ask(path, { method: "POST", headers, body: JSON.stringify(form) });
  }

  async ask(path, request) {
    let response;
    try {
      response = await fetch(`/webchat/api/${path}`, { ...request, signal: AbortSignal.timeout(TIMEOUT) });
    } catch {
      throw new Unreachable(path);
    }
    if (response.status >= 500) throw new Unreachable(path);
    const body = await response.json().catch(() => ({}));
    if (!response.ok) {
      const after = Number(response.headers.get("Retry-After") || 0) * 1000;
      throw new Refused(response.status, body.error || "", after);
    }
    return body;
  }

  // fetch tells nothing of an upload's progress
  upload(file, onProgress) {
    return new Promise((done, failed) => {
      const request = new XMLHttpRequest();
      request.open("POST", "/webchat/api/upload");
      const type = file.type || "application/octet-stream";
      const headers = this.headers({ "Content-Type": type, "X-File-Name": encodeURIComponent(file.name) });
      for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
      request.responseType = "json";
      request.upload.onprogress = (event) => event.lengthComputable && onProgress(event.loaded / event.total);
      request.onload = () => {
        if (request.status === 200) done(request.response);
        else failed(new Refused(request.status, request.response?.error || "", 0));
      };
      request.onerror = request.ontimeout = () => failed(new Unreachable("upload"));
      request.send(file);
    });
  }

  // Reads events until the connection ends. EventSource cannot send our headers.
  async follow(since, signal, onNews) {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE);
    const alive = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE);
    };
    try {
      const response = await fetch("/webchat/api/events", {
        headers: this.headers({ "Last-Event-ID": String(since) }),
        signal: AbortSignal.any([signal, silence.signal]),
      });
      if (!response.ok) throw new Refused(response.status, "", Number(response.headers.get("Retry-After") || 0) * 1000);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        alive();
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        for (const block of blocks) {
          const data = block.split("\n").filter((line) => line.startsWith("data: ")).map((line) => line.slice(6));
          if (data.length) onNews(JSON.parse(data.join("\n")));
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }
}
