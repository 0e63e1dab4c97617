// Session cookies: an account and a signature over it. A real application asks for more than a name.

/** The cookie's name. */
const COOKIE = "session";

/** Whether a text can be an account: it stands in a cookie and in a header. */
export function isAccount(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,64}$/.test(text);
}

/** Makes and checks session cookies. */
export class Sessions {
  constructor(private readonly key: string) {}

  /** The `Set-Cookie` header of a session. Scripts cannot read it, and other sites' pages do not send it. */
  async cookie(account: string): Promise<string> {
    const signature = await crypto.subtle.sign("HMAC", await this.hmac(), new TextEncoder().encode(account));
    return `${COOKIE}=${account}:${encode(signature)}; HttpOnly; SameSite=Strict; Path=/`;
  }

  /** The account of the session in a `Cookie` header, if its signature is ours. */
  async account(cookies: string): Promise<string | undefined> {
    const session = cookies.split(";").map((cookie) => cookie.trim().split("=")).find(([name]) => name === COOKIE);
    const [account, signature] = session?.slice(1).join("=").split(":") ?? [];
    const bytes = signature === undefined ? undefined : decode(signature);
    if (account === undefined || bytes === undefined) return undefined;
    const ours = await crypto.subtle.verify("HMAC", await this.hmac(), bytes, new TextEncoder().encode(account));
    return ours ? account : undefined;
  }

  private hmac(): Promise<CryptoKey> {
    const key = new TextEncoder().encode(this.key);
    return crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign", "verify"]);
  }
}

/** Base64 for URLs, without padding (RFC 4648, section 5). */
function encode(bytes: ArrayBuffer): string {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function decode(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  } catch {
    return undefined;
  }
}
