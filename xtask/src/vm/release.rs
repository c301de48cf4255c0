//! The guests: which release of Debian, with what in it.

use kniwatch_tests::guest::Kernel;

/// A release of Debian that guests run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Release {
    /// Its code name, which is also the directory's under `target/vm/`.
    pub(crate) name: &'static str,
    /// The release that its essential packages are of.
    pub(crate) base: &'static str,
    /// Where its packages come from.
    suites: &'static [Suite],
    /// The newest glibc that a program of the host's may have been linked with to run there.
    pub(crate) glibc: (u32, u32),
    /// What is installed besides apt, the essential packages and [`EVERYWHERE`].
    packages: &'static [&'static str],
}

/// One of Debian's suites.
#[derive(Clone, Copy, Debug)]
enum Suite {
    /// On the mirror.
    Debian(&'static str),
    /// On the security updates' own.
    Security(&'static str),
}

/// What every guest has installed.
const EVERYWHERE: &[&str] = &[
    // The guest itself.
    "busybox-static",
    "kmod",
    "iproute2",
    "mount",
    "procps",
    "strace",
    // The module and the libraries that Debian's binary DPDK leaves out; our guest programs.
    "build-essential",
    "pkgconf",
    "libbsd-dev",
    "libdpdk-dev",
    "xz-utils",
    // dpdk-testpmd.
    "dpdk-dev",
];

/// Linux 5.10, DPDK 20.11. Its security updates are left out: their mirror lists packages that it has no more.
const BULLSEYE: Release = Release {
    name: "bullseye",
    base: "bullseye",
    suites: &[Suite::Debian("bullseye")],
    glibc: (2, 31),
    packages: &["linux-image-amd64", "linux-headers-amd64", "librte-kni21", "librte-net-kni21"],
};

/// Linux 6.1, DPDK 22.11.
const BOOKWORM: Release = Release {
    name: "bookworm",
    base: "bookworm",
    suites: &[Suite::Debian("bookworm"), Suite::Security("bookworm-security")],
    glibc: (2, 36),
    packages: &[
        "linux-image-amd64",
        "linux-headers-amd64",
        "pahole",
        // What the full-screen view and the package are tried in.
        "tmux",
        "systemd",
    ],
};

/// Linux 6.12, DPDK 22.11.
const BACKPORTS: Release = Release {
    name: "bookworm-backports",
    base: "bookworm",
    suites: &[
        Suite::Debian("bookworm"),
        Suite::Debian("bookworm-backports"),
        Suite::Security("bookworm-security"),
    ],
    glibc: (2, 36),
    packages: &[
        "linux-image-amd64/bookworm-backports",
        "linux-headers-amd64/bookworm-backports",
        "pahole",
        // Its kernel is compressed with it.
        "zstd",
    ],
};

/// The release that has `kernel`.
pub(crate) fn with(kernel: Kernel) -> &'static Release {
    match kernel {
        Kernel::Linux510 => &BULLSEYE,
        Kernel::Linux61 => &BOOKWORM,
        Kernel::Linux612 => &BACKPORTS,
    }
}

impl Release {
    /// What is installed besides apt and the essential packages.
    pub(crate) fn packages(&self) -> impl Iterator<Item = &'static str> {
        EVERYWHERE.iter().chain(self.packages).copied()
    }

    /// apt's sources for it.
    pub(crate) fn sources(&self, mirrors: &Mirrors) -> Vec<String> {
        let source = |kind: &str, suite: &Suite| match suite {
            Suite::Debian(suite) => format!("{kind} {} {suite} main", mirrors.debian),
            Suite::Security(suite) => format!("{kind} {} {suite} main", mirrors.security),
        };
        ["deb", "deb-src"]
            .into_iter()
            .flat_map(|kind| self.suites.iter().map(move |suite| source(kind, suite)))
            .collect()
    }
}

/// Where Debian's packages come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Mirrors {
    debian: String,
    security: String,
}

/// How `apt-get indextargets` is asked for what [`Mirrors::of_host`] reads.
pub(crate) const MIRROR_FORMAT: &str = "$(ORIGIN)|$(LABEL)|$(REPO_URI)";

impl Mirrors {
    /// The host's own, where it has them, else Debian's. `targets`: lines of [`MIRROR_FORMAT`].
    pub(crate) fn of_host(targets: &str) -> Self {
        let find = |label: &str| {
            targets.lines().find_map(|line| {
                let uri = line.strip_prefix("Debian|")?.strip_prefix(label)?.strip_prefix('|')?;
                uri.starts_with("http").then(|| uri.trim_end_matches('/').to_owned())
            })
        };
        Self {
            debian: find("Debian").unwrap_or_else(|| "http://deb.debian.org/debian".to_owned()),
            security: find("Debian-Security")
                .unwrap_or_else(|| "http://deb.debian.org/debian-security".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BACKPORTS, BULLSEYE, Mirrors};

    #[test]
    fn the_hosts_mirrors_are_used_where_it_has_them() {
        let debian = "http://deb.debian.org/debian";
        let security = "http://deb.debian.org/debian-security";
        for (targets, expected) in [
            ("", (debian, security)),
            (
                "Ubuntu|Ubuntu|http://archive.ubuntu.com/ubuntu/\n|nodesource|https://deb.nodesource.com/x/\n",
                (debian, security),
            ),
            ("Debian|Debian|http://mirror.lan/debian/\n", ("http://mirror.lan/debian", security)),
            (
                "Debian|Debian-Security|http://mirror.lan/sec/\nDebian|Debian|https://mirror.lan/debian/\n",
                ("https://mirror.lan/debian", "http://mirror.lan/sec"),
            ),
            // A CD or a directory of the host's is out of the root's reach.
            ("Debian|Debian|cdrom://[Debian 12]/\n", (debian, security)),
            ("Debian|Debian Backports|http://mirror.lan/debian/\n", (debian, security)),
        ] {
            let Mirrors { debian, security } = Mirrors::of_host(targets);
            assert_eq!((debian.as_str(), security.as_str()), expected, "{targets:?}");
        }
    }

    #[test]
    fn sources_have_packages_and_their_sources() {
        let mirrors = Mirrors::of_host("Debian|Debian|http://m/d\nDebian|Debian-Security|http://m/s\n");
        assert_eq!(
            BACKPORTS.sources(&mirrors),
            [
                "deb http://m/d bookworm main",
                "deb http://m/d bookworm-backports main",
                "deb http://m/s bookworm-security main",
                "deb-src http://m/d bookworm main",
                "deb-src http://m/d bookworm-backports main",
                "deb-src http://m/s bookworm-security main",
            ]
        );
        assert_eq!(
            BULLSEYE.sources(&mirrors),
            ["deb http://m/d bullseye main", "deb-src http://m/d bullseye main"]
        );
    }
}
