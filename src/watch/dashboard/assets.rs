//! The page's files, compiled in: nothing is read from disk, and nothing is asked of another host.

const CSS: &str = "text/css; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";

/// Path, media type and text of each.
pub const ASSETS: &[(&str, &str, &str)] = &[
    ("/", HTML, include_str!("assets/index.html")),
    ("/api.js", JAVASCRIPT, include_str!("assets/api.js")),
    ("/app.js", JAVASCRIPT, include_str!("assets/app.js")),
    ("/clock.js", JAVASCRIPT, include_str!("assets/clock.js")),
    ("/crashes.js", JAVASCRIPT, include_str!("assets/crashes.js")),
    ("/dom.js", JAVASCRIPT, include_str!("assets/dom.js")),
    ("/format.js", JAVASCRIPT, include_str!("assets/format.js")),
    ("/gaps.js", JAVASCRIPT, include_str!("assets/gaps.js")),
    ("/header.js", JAVASCRIPT, include_str!("assets/header.js")),
    ("/icon.svg", SVG, include_str!("assets/icon.svg")),
    ("/live.js", JAVASCRIPT, include_str!("assets/live.js")),
    ("/partitions.js", JAVASCRIPT, include_str!("assets/partitions.js")),
    ("/proof.js", JAVASCRIPT, include_str!("assets/proof.js")),
    ("/sparkline.js", JAVASCRIPT, include_str!("assets/sparkline.js")),
    ("/station.js", JAVASCRIPT, include_str!("assets/station.js")),
    ("/stations.js", JAVASCRIPT, include_str!("assets/stations.js")),
    ("/style.css", CSS, include_str!("assets/style.css")),
    ("/supervision.js", JAVASCRIPT, include_str!("assets/supervision.js")),
    ("/window.js", JAVASCRIPT, include_str!("assets/window.js")),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_served() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/watch/dashboard/assets");
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let name = entry.expect("it is listed").file_name().into_string().expect("ASCII");
            let path = if name == "index.html" { "/".to_owned() } else { format!("/{name}") };
            assert!(ASSETS.iter().any(|(served, ..)| *served == path), "{name}");
        }
    }
}
