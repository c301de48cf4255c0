//! The recordings of real runs in `tests/data`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::event::Event;
use crate::sink::recording::Reader;

/// All of them: `tests/data/KERNEL/SCENARIO.rec`.
pub(crate) fn recordings() -> Vec<PathBuf> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/data");
    let kernels = fs::read_dir(data).unwrap().map(|kernel| kernel.unwrap().path());
    let kernels = kernels.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("linux-"));
    let files = kernels.flat_map(|kernel| fs::read_dir(kernel).unwrap().map(|file| file.unwrap().path()));
    let mut recordings: Vec<_> =
        files.filter(|file| file.extension().is_some_and(|kind| kind == "rec")).collect();
    recordings.sort();
    recordings
}

/// What one of them holds.
pub(crate) fn events(recording: &Path) -> Vec<Event> {
    let file = std::io::BufReader::new(fs::File::open(recording).unwrap());
    Reader::new(file).unwrap().map(|event| event.unwrap()).collect()
}
