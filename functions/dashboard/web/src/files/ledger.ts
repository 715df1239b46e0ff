// The loaded part of the ledger, the latest first, and a filter on it. The API lists files by time only, so the filter
// is applied here, and more pages are read until some files match.

import { get } from "../api";
import { sameName } from "../format";
import type { IngestRecord, LedgerRecord } from "../types";
import { FILTERS, type Filter, sitesOf, stateOf } from "./words";

/** Each entry has its whole account, which may be 200 KB. */
const PAGE = 20;
/** The most pages read in one search for matching files. */
const MOST_PAGES = 5;
/** Enough to see whether anything is new. */
const GLANCE = 3;

interface Page {
  ingests: LedgerRecord[];
  next: string | null;
}

export interface Asked {
  site: string | null;
  state: Filter | null;
}

/** Its position in the ledger: later files have greater ones. */
const placeOf = ({ received_at, id }: LedgerRecord) => `${received_at}#${id}`;

export class Ledger {
  readonly #records = new Map<string, LedgerRecord>();
  #next: string | null = null;
  #isBegun = false;
  #asked: Asked = { site: null, state: null };

  ask(asked: Asked): void {
    this.#asked = asked;
  }

  get isFiltered(): boolean {
    return this.#asked.site !== null || this.#asked.state !== null;
  }

  /** Whether more files can be loaded. */
  get hasMore(): boolean {
    return !this.#isBegun || this.#next !== null;
  }

  /** Whether nothing was requested yet. */
  get isNew(): boolean {
    return !this.#isBegun;
  }

  /** How many files were searched. */
  get looked(): number {
    return this.#records.size;
  }

  /** The files that match. */
  get shown(): LedgerRecord[] {
    const places = [...this.#records.values()].filter((record) => this.#has(record));
    return places.sort((a, b) => (placeOf(a) < placeOf(b) ? 1 : -1));
  }

  #has(record: LedgerRecord): boolean {
    const { site, state } = this.#asked;
    const isOfSite = site === null || sitesOf(record).some((one) => sameName(one, site));
    return isOfSite && (state === null || FILTERS[state].has(stateOf(record)));
  }

  /** Reads until another page of files matches, no pages are left, or the search has read enough. */
  async more(): Promise<void> {
    const before = this.shown.length;
    for (let pages = 0; pages < MOST_PAGES && this.hasMore && this.shown.length - before < PAGE; pages++) {
      const page = await get<Page>("/api/ingests", { limit: PAGE, cursor: this.#next });
      for (const record of page.ingests) this.#records.set(record.id, record);
      this.#next = page.next;
      this.#isBegun = true;
    }
  }

  /** Loads the files that came since. There must be no gap between them and the loaded ones. */
  async glance(): Promise<void> {
    for (const limit of [GLANCE, PAGE]) {
      const { ingests, next } = await get<Page>("/api/ingests", { limit });
      const isJoined = next === null || ingests.some(({ id }) => this.#records.has(id));
      if (!isJoined && limit === PAGE) {
        this.#records.clear();
        this.#next = next;
      }
      if (isJoined || limit === PAGE) return this.#take(ingests);
    }
  }

  #take(records: LedgerRecord[]): void {
    for (const record of records) this.#records.set(record.id, { ...this.#records.get(record.id), ...record });
    this.#isBegun = true;
  }

  /** Reads the record of one file. Files beyond the loaded ones will come with their page. */
  async look(id: string): Promise<void> {
    const record = await get<IngestRecord>(`/api/ingests/${encodeURIComponent(id)}`);
    const oldest = [...this.#records.values()].map(placeOf).sort()[0];
    if (this.#next !== null && oldest !== undefined && placeOf(record) < oldest) return;
    this.put(record);
  }

  /** Replaces what is known of a file. Before the first page there is no list to hold it. */
  put(record: LedgerRecord): void {
    if (this.#isBegun) this.#records.set(record.id, record);
  }
}
