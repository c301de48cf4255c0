//! What `export` writes, and how a browser shows it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails that way")]

use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::{assert_status, kniwatch, recording, text};

/// Recordings, and what their page must say.
const PAGES: [(&str, &[&str]); 4] = [
    ("created", &["CREATED in", "register_netdev(\"kni0\")"]),
    ("name-taken", &["STOPPED IN THE NETWORK CORE", "error -17 registering device \"lo\"", "it failed here"]),
    ("t33", &["STOPPED IN THE MODULE", "kthread_create_on_node", "mod.thread"]),
    ("silent-refusal", &["STOPPED IN THE LIBRARY", "not reached", "kni_tx_vEth0_0"]),
];

/// Widths of a desktop's window and of a telephone's.
const WIDTHS: [u32; 2] = [1280, 400];

fn directory() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pages");
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn exported(scenario: &str) -> PathBuf {
    let page = directory().join(scenario).with_extension("html");
    let arguments = ["export", "--format", "html", "-o", &page.display().to_string(), &recording(scenario)];
    assert_status(&kniwatch(&arguments).output().unwrap(), 0);
    page
}

/// Chromium without a window, and without a network: every name is unknown to it.
fn chromium(arguments: &[&str]) -> Output {
    let profile = tempfile::tempdir().unwrap();
    let profile = format!("--user-data-dir={}", profile.path().display());
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"])
        .args(["--host-resolver-rules=MAP * ~NOTFOUND", "--enable-logging=stderr", &profile])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("chromium is installed (cargo xtask setup)");
    assert_status(&output, 0);
    let said = text(&output.stderr);
    assert!(!said.contains("CONSOLE"), "the browser complains:\n{said}");
    output
}

/// A page around the exported one, which asks it at each width what juts out, and what it loaded.
fn measuring(page: &Path) -> String {
    let name = page.file_name().unwrap().to_str().unwrap();
    let frame =
        |width| format!("<iframe src='{name}' style='width:{width}px;height:900px;border:0'></iframe>");
    let frames = WIDTHS.map(frame).concat();
    format!(
        "<!doctype html><meta charset=utf-8><body>{frames}<script>onload = () => {{
            const said = [...document.querySelectorAll('iframe')].map(frame => {{
                const page = frame.contentDocument, width = frame.clientWidth;
                const jutting = [...page.querySelectorAll('body *')]
                    .filter(element => element.getBoundingClientRect().right > width + 1)
                    .map(element => element.outerHTML.slice(0, 80));
                const loaded = frame.contentWindow.performance.getEntriesByType('resource').length;
                return {{width, scrolls: page.documentElement.scrollWidth > width, jutting, loaded,
                    text: page.body.innerText}};
            }});
            document.body.textContent = 'said:' + btoa(unescape(encodeURIComponent(JSON.stringify(said)))) + ':';
        }}</script>"
    )
}

#[test]
fn a_browser_shows_the_page_whole_at_every_width_and_loads_nothing_for_it() {
    for (scenario, expected) in PAGES {
        let page = exported(scenario);
        let around = directory().join(format!("{scenario}-measured.html"));
        fs::write(&around, measuring(&page)).unwrap();
        let url = format!("file://{}", around.display());
        let output = chromium(&["--allow-file-access-from-files", "--dump-dom", &url]);
        let dom = text(&output.stdout);
        let said = dom.split("said:").nth(1).and_then(|rest| rest.split(':').next());
        let said = said.unwrap_or_else(|| panic!("nothing was measured: {dom}"));
        let said: serde_json::Value = serde_json::from_slice(&decoded(said)).unwrap();
        assert_eq!(said.as_array().unwrap().len(), WIDTHS.len());
        for (frame, width) in said.as_array().unwrap().iter().zip(WIDTHS) {
            assert_eq!(frame["width"], width);
            assert_eq!(
                (&frame["scrolls"], &frame["jutting"]),
                (&false.into(), &serde_json::json!([])),
                "{scenario}"
            );
            assert_eq!(frame["loaded"], 0, "{scenario}");
            let shown = frame["text"].as_str().unwrap().replace('\u{a0}', " ");
            for part in expected {
                assert!(shown.contains(part), "{scenario}: {part:?} is not in {shown}");
            }
        }
    }
}

#[test]
fn a_browsers_picture_of_the_page_has_its_colours() {
    let page = exported("name-taken");
    let picture = page.with_extension("png");
    chromium(&[
        &format!("--screenshot={}", picture.display()),
        "--window-size=1280,1400",
        &format!("file://{}", page.display()),
    ]);
    let mut reader = png::Decoder::new(BufReader::new(File::open(&picture).unwrap())).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!((info.width, info.height), (1280, 1400));
    let depth = info.color_type.samples();
    let is = |colour: [u8; 3]| pixels.chunks(depth).filter(|pixel| pixel[..3] == colour).count();
    // The bars of the module, and the one that failed, in style.css's colours.
    for (what, colour) in [("module", [0x0e, 0x83, 0x87]), ("failed", [0xb3, 0x26, 0x1e])] {
        assert!(is(colour) > 200, "{what}: {} pixels in {}", is(colour), picture.display());
    }
}

#[test]
fn a_trace_is_written_beside_the_recording_unless_told_otherwise() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("kni.rec");
    fs::copy(recording("created"), &file).unwrap();
    let file = file.display().to_string();
    assert_status(&kniwatch(&["export", "--format", "perfetto", &file]).output().unwrap(), 0);
    let beside = fs::read(directory.path().join("kni.pftrace")).unwrap();
    let piped = kniwatch(&["export", "--format", "perfetto", "-o", "-", &file]).output().unwrap();
    assert_status(&piped, 0);
    assert!(!beside.is_empty() && beside == piped.stdout);
    let itself = kniwatch(&["export", "--format", "html", "-o", &file, &file]).output().unwrap();
    assert_status(&itself, 1);
    assert!(text(&itself.stderr).contains("would be replaced"), "{}", text(&itself.stderr));
    assert_eq!(fs::read(&file).unwrap(), fs::read(recording("created")).unwrap());
}

#[test]
fn one_attempt_of_several_can_be_had_alone() {
    let file = recording("silent-refusal-1604");
    let lines = kniwatch(&["--format", "json", "replay", &file]).output().unwrap();
    let told: Vec<String> = text(&lines.stdout)
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter(|line| line["type"] == "attempt")
        .map(|line| format!("[{}]", line["data"]["process"]["pid"]))
        .collect();
    let export = |number: &str| {
        kniwatch(&["export", "--format", "html", "--attempt", number, "-o", "-", &file]).output().unwrap()
    };
    for number in [1, told.len()] {
        let output = export(&number.to_string());
        assert_status(&output, 0);
        let page = text(&output.stdout);
        for (other, process) in (1..).zip(&told) {
            assert_eq!(
                page.contains(process),
                other == number,
                "{process} is in the page of attempt {number}"
            );
        }
    }
    let none = export("999");
    assert_status(&none, 1);
    let complaint = text(&none.stderr);
    let number = told.len();
    assert!(
        complaint.contains("no attempt 999") && complaint.contains(&format!("tells of {number}")),
        "{complaint}"
    );
    assert_eq!(text(&none.stdout), "");
    assert_status(&export("0"), 2);
}

#[test]
fn what_stands_before_the_damage_is_exported() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cut.rec");
    let whole = fs::read(recording("created")).unwrap();
    fs::write(&file, &whole[..whole.len() - 40]).unwrap();
    let file = file.display().to_string();
    let output = kniwatch(&["export", "--format", "html", "-o", "-", &file]).output().unwrap();
    assert_status(&output, 1);
    assert!(text(&output.stdout).contains("CREATED in"), "{}", text(&output.stdout));
    assert!(text(&output.stderr).contains("damaged"), "{}", text(&output.stderr));
}

/// Base 64.
fn decoded(text: &str) -> Vec<u8> {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digits = text.bytes().filter_map(|byte| DIGITS.iter().position(|digit| *digit == byte));
    let bits: Vec<u8> =
        digits.flat_map(|digit| (0..6).rev().map(move |bit| u8::from(digit >> bit & 1 == 1))).collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |sum, bit| sum << 1 | bit)).collect()
}
