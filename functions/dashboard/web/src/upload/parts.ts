// Uploads a file in parts: a few at a time, each read from the disk as it is sent. After any failure, the server says
// which parts are missing. A part that has arrived is never sent again, even if its answer was lost.

import { ApiError } from "../api";
import type { Part, UploadDocument } from "../types";
import { isPassing, Patience, type Waiting } from "./pause";
import { Broken, put } from "./put";
import { Rate } from "./rate";
import { complete, look } from "./server";

const AT_ONCE = 3;
/** If the server answers so often while no part gets through, the connection is not at fault. */
const MOST_BARREN = 12;

export interface Sending extends Waiting {
  file: File;
}

/** Sends the missing parts, and resolves when the server has all of them. */
export async function sendParts(begun: UploadDocument, sending: Sending): Promise<UploadDocument> {
  const rounds = new Rounds(begun, sending);
  while (rounds.upload.state === "receiving") await rounds.next();
  return rounds.upload;
}

class Rounds {
  upload: UploadDocument;
  readonly #sending: Sending;
  readonly #rate = new Rate();
  readonly #patience = new Patience();
  /** How often the server answered at once since a part last got through. */
  #barren = 0;
  /** The bytes sent of each part, in progress or done, since the server was last asked. */
  #left = new Map<number, number>();

  constructor(begun: UploadDocument, sending: Sending) {
    this.upload = begun;
    this.#sending = sending;
    this.#tell();
  }

  async next(): Promise<void> {
    const { signal } = this.#sending;
    try {
      signal.throwIfAborted();
      if (this.upload.missing.length === 0) return await this.#complete();
      await this.#round(this.upload.missing);
      this.#know(await look(this.upload.id, signal));
    } catch (error) {
      await this.#meet(error);
    }
  }

  async #complete(): Promise<void> {
    try {
      const upload = await complete(this.upload.id);
      this.#know({ ...upload, state: upload.state === "receiving" ? "waiting" : upload.state });
    } catch (error) {
      // The server still misses parts, and says which when it is asked.
      if (error instanceof ApiError && error.status === 409) throw new Broken(error.message);
      throw error;
    }
  }

  async #round(missing: Part[]): Promise<void> {
    const waiting = [...missing];
    let trouble: unknown = null;
    const send = async () => {
      for (let part = waiting.shift(); part && trouble === null; part = waiting.shift()) {
        try {
          await this.#part(part);
          this.#patience.renew();
          this.#barren = 0;
        } catch (error) {
          trouble ??= error;
        }
      }
    };
    // When one part fails, the others in progress end first: then the server's list of missing parts is final.
    await Promise.all(Array.from({ length: AT_ONCE }, send));
    if (trouble !== null) throw trouble;
  }

  async #part({ part, from, to, url }: Part): Promise<void> {
    const { file, signal } = this.#sending;
    const bytes = file.slice(from, to + 1);
    try {
      await put(url, bytes, (sent) => this.#note(part, sent), signal);
      this.#note(part, bytes.size);
    } catch (error) {
      this.#note(part, 0);
      if (error instanceof Broken) await readable(bytes);
      throw error;
    }
  }

  #note(part: number, sent: number): void {
    this.#left.set(part, sent);
    this.#tell();
  }

  #know(upload: UploadDocument): void {
    this.upload = upload;
    this.#left.clear();
    this.#tell();
  }

  /** Bytes sent: what the server had, and what was sent since. */
  get #sent(): number {
    const left = [...this.#left.values()].reduce((sum, bytes) => sum + bytes, 0);
    return Math.min(this.upload.received + left, this.upload.bytes);
  }

  #tell(): void {
    this.#rate.note(this.#sent);
    this.#sending.tell({ stage: "sending", sent: this.#sent, of: this.upload.bytes, perSecond: this.#rate.perSecond });
  }

  /** Waits, and asks which parts are missing. */
  async #meet(error: unknown): Promise<void> {
    if (!(error instanceof Broken) && !isPassing(error)) throw error;
    for (let isAnswered = false, tries = 1; !isAnswered; tries++) {
      await this.#patience.wait({ sent: this.#sent, of: this.upload.bytes }, this.#sending);
      try {
        this.#know(await look(this.upload.id, this.#sending.signal));
        isAnswered = true;
        this.#barren = tries === 1 ? this.#barren + 1 : 0;
      } catch (again) {
        if (!isPassing(again)) throw again;
      }
    }
    if (this.#barren > MOST_BARREN) throw new Stuck(error instanceof Error ? error.message : String(error));
  }
}

/** The server answers, but parts do not get through. */
class Stuck extends Error {
  constructor(why: string) {
    super(`The server answers, and parts of the file do not reach it: ${why}`);
  }
}

/** A file that was moved or changed can no longer be read, which looks like a broken connection. */
async function readable(bytes: Blob): Promise<void> {
  try {
    await bytes.slice(0, 1).arrayBuffer();
  } catch {
    throw new Error("The file on this computer was changed or moved since it was chosen. Choose it again.");
  }
}
