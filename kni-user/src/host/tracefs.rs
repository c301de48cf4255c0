//! Where tracefs is, and what a tracepoint's record looks like. kniwatch mounts nothing by itself.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Where it is mounted by custom; the second is how kernels before 4.1 and their heirs show it.
const PLACES: [&str; 2] = ["/sys/kernel/tracing", "/sys/kernel/debug/tracing"];

/// Where tracefs is, if it is mounted. The directory alone may exist and be empty.
#[must_use]
pub fn find() -> Option<PathBuf> {
    PLACES.into_iter().map(PathBuf::from).find(|place| place.join("events").is_dir())
}

/// The fields of a tracepoint's record: name and offset in bytes.
pub fn fields(tracefs: &Path, category: &str, name: &str) -> io::Result<Vec<(String, u32)>> {
    let format = fs::read_to_string(tracefs.join("events").join(category).join(name).join("format"))?;
    Ok(format.lines().filter_map(field).collect())
}

/// A line such as `field:unsigned long clone_flags;  offset:32;  size:8;  signed:0;`.
fn field(line: &str) -> Option<(String, u32)> {
    let (declaration, rest) = line.trim().strip_prefix("field:")?.split_once(';')?;
    let offset = rest.trim().strip_prefix("offset:")?.split(';').next()?.parse().ok()?;
    let name = declaration.rsplit([' ', '*']).next()?;
    Some((name.split('[').next()?.to_owned(), offset))
}

#[cfg(test)]
mod tests {
    use super::field;

    #[test]
    fn fields_of_all_shapes_are_read() {
        for (line, name, offset) in [
            ("\tfield:pid_t pid;\toffset:8;\tsize:4;\tsigned:1;", "pid", 8),
            ("\tfield:char comm[16];\toffset:12;\tsize:16;\tsigned:0;", "comm", 12),
            ("\tfield:__data_loc char[] filename;\toffset:8;\tsize:4;\tsigned:0;", "filename", 8),
            ("\tfield:const char * filename;\toffset:24;\tsize:8;\tsigned:0;", "filename", 24),
        ] {
            assert_eq!(field(line), Some((name.to_owned(), offset)));
        }
        for line in ["name: task_newtask", "", "field:", "field:int x; offset:y;"] {
            assert_eq!(field(line), None, "{line}");
        }
    }
}
