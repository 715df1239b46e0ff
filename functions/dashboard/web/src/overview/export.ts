// Saves the readings of the chart as a file, and the chart as a picture.

import { get } from "../api";
import { download } from "../dom";
import { csvField, fileName, limitText, momentAt } from "../format";
import { colour } from "../theme";
import type { Point, Readings, Standing } from "../types";
import type { Span } from "./data";

/** The most readings per answer. */
const PAGE = 20_000;

/** Every reading of the stretch in the tidy form, which can be ingested again. */
export async function exportCsv(
  series: Standing,
  span: Span,
  progress: (done: number, of: number) => void,
): Promise<void> {
  const hours = typeof series.last === "number";
  const [from, to] = [momentAt(span.from, hours), momentAt(span.to, hours)];
  const query = { site: series.site, series: series.id, from, to, every: true, max_points: PAGE };
  const parts = ["time,species,concentration,unit,site,outfall,qualifier,flags,sample_type\r\n"];
  const names = [series.parameter, series.site, series.outfall].map(csvField);
  const line = ({ time, value, unit, qualifier, flags = [], quality_control }: Point) => {
    // A reading that is not judged here must not be judged when the file is ingested again.
    const kind = quality_control ? "Quality control" : "";
    return `${time},${names[0]},${value},${csvField(unit)},${names[1]},${names[2]},${qualifier},${flags.join(" ")},${kind}\r\n`;
  };
  let cursor: string | null = null;
  let [done, of] = [0, 0];
  do {
    const page: Readings = await get<Readings>("/api/readings", { ...query, cursor });
    // A page's total counts from that page on.
    of = Math.max(of, page.total);
    done += page.readings.length;
    parts.push(page.readings.map(line).join(""));
    progress(done, of);
    cursor = page.next;
  } while (cursor !== null);
  const name = fileName(series.site, series.outfall, series.parameter, series.base, from.slice(0, 10), to.slice(0, 10));
  download(`${name}.csv`, new Blob(parts, { type: "text/csv" }));
}

/** The chart with a title, so that the picture explains itself. */
export async function exportPng(series: Standing, canvas: HTMLCanvasElement): Promise<void> {
  const scale = devicePixelRatio;
  const [head, edge] = [64 * scale, 16 * scale];
  const picture = document.createElement("canvas");
  picture.width = canvas.width + 2 * edge;
  picture.height = canvas.height + head + edge;
  const context = picture.getContext("2d");
  if (!context) throw new Error("This browser gives no canvas to draw the picture on.");
  context.fillStyle = colour("card");
  context.fillRect(0, 0, picture.width, picture.height);
  context.fillStyle = colour("text");
  context.font = `600 ${18 * scale}px system-ui, sans-serif`;
  context.fillText(series.parameter, edge, 28 * scale, picture.width - 2 * edge);
  context.fillStyle = colour("quiet");
  context.font = `${13 * scale}px system-ui, sans-serif`;
  // A value computed from several series has no line in the chart.
  const limits = series.standings
    .filter((one) => !one.is_made)
    .map((one) => limitText(one.direction, one.limit, one.unit));
  const what = [`${series.site}, outfall ${series.outfall}`, series.unit, ...new Set(limits)].join(" · ");
  context.fillText(what, edge, 50 * scale, picture.width - 2 * edge);
  context.drawImage(canvas, edge, head);
  const blob = await new Promise<Blob | null>((resolve) => picture.toBlob(resolve, "image/png"));
  if (!blob) throw new Error("This browser could not make the picture.");
  download(`${fileName(series.site, series.outfall, series.parameter, series.base)}.png`, blob);
}
