// The part of the ledger that is loaded, the latest first, and which of it is shown. The API lists files by time alone:
// what is not asked for is left out here, and more pages are read until there is something to show.

import { get } from "../api";
import { sameName } from "../format";
import type { IngestRecord, LedgerRecord } from "../types";
import { FILTERS, type Filter, sitesOf, stateOf } from "./words";

/** Each has its whole account, which may be 200 KB. */
const PAGE = 20;
/** So many pages are read at once in search of files that are asked for. */
const MOST_PAGES = 5;
/** Enough to see whether something is new. */
const GLANCE = 3;

interface Page {
  ingests: LedgerRecord[];
  next: string | null;
}

export interface Asked {
  site: string | null;
  state: Filter | null;
}

/** Its place in the ledger: later ones are greater. */
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

  /** Whether there are files that are not loaded. */
  get hasMore(): boolean {
    return !this.#isBegun || this.#next !== null;
  }

  /** Whether nothing was asked for yet. */
  get isNew(): boolean {
    return !this.#isBegun;
  }

  /** How many were looked at. */
  get looked(): number {
    return this.#records.size;
  }

  /** Those that are asked for. */
  get shown(): LedgerRecord[] {
    const places = [...this.#records.values()].filter((record) => this.#has(record));
    return places.sort((a, b) => (placeOf(a) < placeOf(b) ? 1 : -1));
  }

  #has(record: LedgerRecord): boolean {
    const { site, state } = this.#asked;
    const isOfSite = site === null || sitesOf(record).some((one) => sameName(one, site));
    return isOfSite && (state === null || FILTERS[state].has(stateOf(record)));
  }

  /** Reads on until there is another page of what is asked for, or nothing is left, or it has read long enough. */
  async more(): Promise<void> {
    const before = this.shown.length;
    for (let pages = 0; pages < MOST_PAGES && this.hasMore && this.shown.length - before < PAGE; pages++) {
      const page = await get<Page>("/api/ingests", { limit: PAGE, cursor: this.#next });
      for (const record of page.ingests) this.#records.set(record.id, record);
      this.#next = page.next;
      this.#isBegun = true;
    }
  }

  /** Looks for what came since. Between it and what is loaded nothing may be missing. */
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

  /** Reads the record of one file. Those that lie beyond what is loaded come with their page. */
  async look(id: string): Promise<void> {
    const record = await get<IngestRecord>(`/api/ingests/${encodeURIComponent(id)}`);
    const oldest = [...this.#records.values()].map(placeOf).sort()[0];
    if (this.#next !== null && oldest !== undefined && placeOf(record) < oldest) return;
    this.put(record);
  }

  /** Takes the place of what is known of a file. Before the first page there is no list that it could be in. */
  put(record: LedgerRecord): void {
    if (this.#isBegun) this.#records.set(record.id, record);
  }
}
