// The time zone of the selected site, and what its clocks show.

import { Signal } from "./signal";

export const UTC = "UTC";
/** Its IANA name. All times of day are shown in it; a text about another site names its own zone. */
export const siteZone = new Signal<string>(UTC);

const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  let made: Intl.DateTimeFormat;
  const options: Intl.DateTimeFormatOptions = {
    hourCycle: "h23",
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  };
  try {
    made = new Intl.DateTimeFormat("en-US", { ...options, timeZone: zone });
  } catch {
    // A zone that the server knows and this browser does not know yet.
    made = new Intl.DateTimeFormat("en-US", { ...options, timeZone: UTC });
  }
  formats.set(zone, made);
  return made;
}

/** A zone that this browser supports; UTC if it does not. */
export function usable(zone: string): string {
  return zone && format(zone).resolvedOptions().timeZone !== UTC ? zone : UTC;
}

/** What the clocks of a zone show at a moment (milliseconds): `2026-03-01` and `06:00:00`. */
export function clock(milliseconds: number, zone: string): { day: string; time: string } {
  const utc = new Date(milliseconds);
  // Years that calendars count backwards, and five-digit ones, are shown in UTC.
  if (utc.getUTCFullYear() < 1 || utc.getUTCFullYear() > 9998) {
    const [day = "", time = ""] = utc.toISOString().replace("Z", "").split("T");
    return { day, time: time.slice(0, 8) };
  }
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
  for (const { type, value } of format(zone).formatToParts(utc)) parts[type] = value;
  const day = `${(parts.year ?? "").padStart(4, "0")}-${parts.month}-${parts.day}`;
  return { day, time: `${parts.hour}:${parts.minute}:${parts.second}` };
}

/** The offset of a zone from UTC at a moment, in milliseconds. */
function offset(milliseconds: number, zone: string): number {
  const { day, time } = clock(milliseconds, zone);
  return Date.parse(`${day}T${time}Z`) - Math.floor(milliseconds / 1000) * 1000;
}

const moments = new Map<string, number>();
/** How many local times are cached: as many as a chart has points. */
const MOST_REMEMBERED = 20_000;

/** The moment at which the clocks of a zone show a date (`2026-03-01`) or a time (`2026-03-01T06:00`), in milliseconds. */
export function momentOf(local: string, zone: string): number {
  const asUtc = Date.parse(local.includes("T") ? `${local}Z` : local);
  if (zone === UTC || Number.isNaN(asUtc)) return asUtc;
  const key = `${zone} ${local}`;
  const known = moments.get(key);
  if (known !== undefined) return known;
  const near = asUtc - offset(asUtc, zone);
  // Near a change of clocks, the offset is that of the result itself.
  const found = asUtc - offset(near, zone);
  if (moments.size >= MOST_REMEMBERED) moments.clear();
  moments.set(key, found);
  return found;
}
