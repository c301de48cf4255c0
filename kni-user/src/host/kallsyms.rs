//! `/proc/kallsyms`: the functions of the module. Reading it takes the kernel tens of milliseconds, so it
//! is read only when a name that should be there can't be probed.

use std::fs::File;
use std::io::{self, BufRead, BufReader};

use kni_ebpf::kni::MODULE_NAME;

/// The names of the loaded module's functions.
pub fn module_functions() -> io::Result<Vec<String>> {
    parse(BufReader::with_capacity(64 * 1024, File::open("/proc/kallsyms")?), MODULE_NAME)
}

/// The names of the functions of `module` in the format of `/proc/kallsyms`: `address type name [module]`.
pub fn parse(mut source: impl BufRead, module: &[u8]) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    let mut line = Vec::new();
    while source.read_until(b'\n', &mut line)? > 0 {
        names.extend(function(&line, module));
        line.clear();
    }
    Ok(names)
}

fn function(line: &[u8], module: &[u8]) -> Option<String> {
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let (_address, kind, name, owner) = (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
    let owner = owner.strip_prefix(b"[")?.strip_suffix(b"]")?;
    (owner == module && matches!(kind, b"t" | b"T")).then(|| String::from_utf8_lossy(name).into_owned())
}

/// Those of `names` that a compiler made of the function `of`: `of.isra.0`, `of.constprop.1`, `of.part.2`.
///
/// `.cold` is the unlikely part of a function that exists besides it: to probe it would tell nothing of
/// most calls.
pub fn variants<'a>(names: &'a [String], of: &str) -> impl Iterator<Item = &'a str> {
    let of = format!("{of}.");
    names.iter().map(String::as_str).filter(move |name| {
        name.strip_prefix(&of).is_some_and(|suffix| {
            let kind = suffix.split('.').next().unwrap_or_default();
            matches!(kind, "isra" | "constprop" | "part") && !suffix.contains("cold")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::{parse, variants};

    const KALLSYMS: &[u8] = b"\
ffffffff81000000 T startup_64
ffffffff81a00000 T register_netdev
ffffffffc0a51000 t kni_ioctl_create.isra.0\t[rte_kni]
ffffffffc0a51000 t kni_ioctl_create.cold\t[rte_kni]
ffffffffc0a51900 t kni_ioctl_create.constprop.0.cold\t[rte_kni]
ffffffffc0a52000 t kni_ioctl\t[rte_kni]
ffffffffc0a53000 d kni_misc\t[rte_kni]
ffffffffc0a54000 t kni_open\t[other]
";

    #[test]
    fn only_the_modules_functions_are_taken() {
        let names = parse(KALLSYMS, b"rte_kni").unwrap();
        assert_eq!(
            names,
            [
                "kni_ioctl_create.isra.0",
                "kni_ioctl_create.cold",
                "kni_ioctl_create.constprop.0.cold",
                "kni_ioctl"
            ]
        );
    }

    #[test]
    fn a_compilers_variants_are_found_and_cold_parts_are_not() {
        let names = parse(KALLSYMS, b"rte_kni").unwrap();
        assert_eq!(variants(&names, "kni_ioctl_create").collect::<Vec<_>>(), ["kni_ioctl_create.isra.0"]);
        assert_eq!(variants(&names, "kni_ioctl").count(), 0);
    }

    #[test]
    fn broken_lines_are_passed_over() {
        assert!(parse(&b"\n \nx\nffff t\nffff t name [rte_kni"[..], b"rte_kni").unwrap().is_empty());
    }
}
