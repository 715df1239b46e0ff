//! Builds the page in `web/` with npm and lists its files for the program to embed. A build script does this, so that
//! every build has the page of its own sources, however it was started.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

/// The inputs of the page, below `web/`.
const SOURCES: [&str; 6] = ["src", "index.html", "docs.html", "package-lock.json", "tsconfig.json", "vite.config.ts"];
/// npm's record of what it installed; the last `npm ci` sets its time.
const INSTALLED: &str = "node_modules/.package-lock.json";

fn main() -> Result<(), Box<dyn Error>> {
    let web = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("web");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", web.join(source).display());
    }
    if is_older(&web.join(INSTALLED), &web.join("package-lock.json")) {
        npm(&web, &["ci", "--ignore-scripts", "--no-audit", "--no-fund"])?;
    }
    let built = out.join("web");
    let folder = built.to_str().ok_or("the build folder's path is not UTF-8")?;
    npm(&web, &["run", "--silent", "build", "--", "--outDir", folder])?;
    fs::write(out.join("assets.rs"), table(&built.join("assets"))?)?;
    Ok(())
}

fn is_older(file: &Path, than: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    match (modified(file), modified(than)) {
        (Ok(file), Ok(than)) => file < than,
        _ => true,
    }
}

fn npm(web: &Path, arguments: &[&str]) -> Result<(), Box<dyn Error>> {
    let output = Command::new("npm").args(arguments).current_dir(web).output();
    let output = output.map_err(|error| format!("the dashboard is built by npm of Node.js 20 or later: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let (told, failed) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Err(format!("npm {}: {}\n{told}{failed}", arguments.join(" "), output.status).into())
}

/// The expression that lists the files: name and bytes.
fn table(assets: &Path) -> Result<String, Box<dyn Error>> {
    let mut paths = fs::read_dir(assets)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    paths.sort();
    let mut table = String::from("&[\n");
    for path in paths {
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("a file's name is not UTF-8")?;
        writeln!(table, "    ({name:?}, include_bytes!({path:?})),")?;
    }
    table.push(']');
    Ok(table)
}
