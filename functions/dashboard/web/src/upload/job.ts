// An upload, from the choice of the file to its account.

import { id } from "../dom";
import { Signal } from "../signal";
import * as kept from "./kept";
import { isSending, type Outcome, type Stage } from "./stage";

export interface Wanted {
  file: File;
  site: string;
  /** Whether one bad row refuses the whole file. */
  strict: boolean;
  /** Whether to ingest it even if the same bytes were ingested before. */
  again: boolean;
}

export class Job {
  readonly key = id("job");
  readonly name: string;
  readonly size: number;
  readonly site: string;
  readonly strict: boolean;
  readonly again: boolean;
  readonly stage: Signal<Stage>;
  /** Ends a wait for the connection early. */
  readonly wake = new EventTarget();
  /** Missing after a reload, until the user chooses the file again. */
  file: File | null;
  kept: kept.Kept | null;
  /** Whether the user has seen the outcome. */
  isSeen = false;
  #abort = new AbortController();
  #letGo = () => {};

  constructor(wanted: Wanted | kept.Kept, stage: Stage = { stage: "queued" }) {
    const isNew = "file" in wanted;
    this.file = isNew ? wanted.file : null;
    this.kept = isNew ? null : wanted;
    this.name = isNew ? wanted.file.name : wanted.name;
    this.size = isNew ? wanted.file.size : wanted.size;
    this.site = wanted.site;
    this.strict = isNew && wanted.strict;
    this.again = isNew && wanted.again;
    this.stage = new Signal<Stage>(stage);
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get outcome(): Outcome | null {
    const now = this.stage.get();
    return now.stage === "over" ? now.outcome : null;
  }

  get isSending(): boolean {
    return isSending(this.stage.get());
  }

  /** Whether a file is the one that was started: same name, same size, and not changed since. */
  matches(file: File): boolean {
    return this.isLike(file) && file.lastModified === this.kept?.modified;
  }

  isLike(file: File): boolean {
    return file.name === this.name && file.size === this.size;
  }

  /** Stores it for a reload, as this tab's. */
  keep(change: Partial<kept.Kept> & { at: number }): void {
    const isFirst = this.kept === null;
    const modified = this.file?.lastModified ?? 0;
    const begun = { name: this.name, size: this.size, site: this.site, modified, upload: null, ingest: null };
    this.kept = { ...begun, ...this.kept, ...change };
    kept.keep(this.kept);
    if (isFirst) void this.hold();
  }

  /** Claims it for this tab. False if another tab has it. */
  async hold(): Promise<boolean> {
    const letGo = this.kept && (await kept.hold(this.kept));
    if (!letGo) return false;
    if (this.kept) this.#letGo = letGo;
    else letGo();
    return true;
  }

  /** Releases it to other tabs. */
  release(): void {
    this.#letGo();
    this.#letGo = () => {};
  }

  forget(): void {
    if (this.kept) kept.forget(this.kept);
    this.kept = null;
    this.release();
  }

  stop(): void {
    this.#abort.abort();
  }

  /** Ready for a retry. */
  renew(stage: Stage): void {
    this.#abort = new AbortController();
    this.isSeen = false;
    this.stage.set(stage);
  }
}
