import "./files.css";
import { route } from "../route";
import { Ledger } from "./ledger";
import { listView } from "./list";
import { recordView } from "./record";

/** The ledger of files, or the account of the one that the URL names. */
export function filesView(main: HTMLElement): () => void {
  const ledger = new Ledger();
  let shown: string | null | undefined;
  let end = () => {};
  const draw = () => {
    const { view, file } = route.get();
    if (view !== "files" || file === shown) return;
    const last = shown;
    end();
    shown = file;
    main.replaceChildren();
    // Users of the keyboard or a screen reader continue where the new part begins.
    if (last !== undefined) main.focus();
    end = file === null ? listView(main, ledger, last ?? null) : recordView(main, file, (record) => ledger.put(record));
  };
  draw();
  const unroute = route.listen(draw);
  return () => {
    unroute();
    end();
  };
}
