//! What rtnetlink tells of interfaces, in network namespaces of the tests' own.

use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use kni_user::event::LinkState;
use kni_user::host::links::{Asker, Changes, Now, Sighting, within};
use kni_user::host::namespaces;
use kni_user::untrusted::Untrusted;

/// Long enough for a loaded machine: only a failing test waits so long.
const PATIENCE: Duration = Duration::from_secs(20);

/// A network namespace, kept by a process that lives in it.
struct Namespace(Child);

impl Namespace {
    fn new() -> Self {
        let mut holder = Command::new("unshare");
        let holder = holder.args(["--net", "sleep", "infinity"]).stdin(Stdio::null()).spawn().unwrap();
        let namespace = Self(holder);
        let deadline = Instant::now() + PATIENCE;
        while namespaces::inode(&namespace.path()) == namespaces::own() {
            assert!(Instant::now() < deadline, "these tests need root");
            std::thread::yield_now();
        }
        namespace
    }

    fn path(&self) -> PathBuf {
        namespaces::of(self.0.id())
    }

    fn ip(&self, arguments: &str) {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.path().display())).arg("ip");
        let status = command.args(arguments.split_ascii_whitespace()).status().unwrap();
        assert!(status.success(), "ip {arguments}");
    }

    fn changes(&self) -> Changes {
        within(&self.path(), Changes::open).unwrap()
    }

    fn asker(&self) -> Asker {
        within(&self.path(), Asker::open).unwrap()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What was told of the interface of that index: its names and states, without repetitions.
fn told(changes: &mut Changes, ifindex: u32) -> Vec<(String, Now)> {
    let mut sightings = Vec::new();
    assert!(changes.take(&mut sightings), "nothing is lost");
    let own = sightings.into_iter().filter(|seen| seen.ifindex == ifindex);
    let mut told: Vec<(String, Now)> =
        own.map(|seen| (String::from_utf8(seen.name.as_bytes().to_vec()).unwrap(), seen.now)).collect();
    told.dedup();
    told
}

fn find(links: &[Sighting], name: &str) -> Sighting {
    links.iter().find(|link| link.name == Untrusted::from(name)).cloned().unwrap()
}

#[test]
fn what_happens_to_an_interface_elsewhere_is_told_at_once_and_in_order() {
    let (here, there) = (Namespace::new(), Namespace::new());
    let (asker, mut changes) = (here.asker(), here.changes());
    here.ip("link add kw0 type veth peer name kw1");
    let links = asker.links().unwrap();
    let (first, second) = (find(&links, "kw0"), find(&links, "kw1"));
    assert_eq!(first.now, Now::Is(LinkState { up: false, carrier: false }));
    assert!(!told(&mut changes, first.ifindex).is_empty());

    here.ip("link set kw1 up");
    here.ip("link set kw0 up");
    here.ip("link set kw0 down");
    here.ip("link set kw0 name kw9");
    here.ip(&format!("link set kw9 netns {}", there.0.id()));
    let told_of_first = told(&mut changes, first.ifindex);
    let is = |up, carrier| Now::Is(LinkState { up, carrier });
    let short: Vec<(&str, Now)> = told_of_first.iter().map(|(name, now)| (name.as_str(), *now)).collect();
    let [.., last] = short[..] else { panic!("{short:?}") };
    let (ups, downs) = (is(true, true), is(false, false));
    for expected in [("kw0", ups), ("kw0", downs), ("kw9", downs)] {
        assert!(short.contains(&expected), "{expected:?} in {short:?}");
    }
    // Where it went can be found, and its index there.
    let ("kw9", Now::Moved { nsid, ifindex: Some(index) }) = last else { panic!("{last:?}") };
    assert_eq!(asker.nsid(&there.path()).unwrap(), Some(nsid));
    assert_eq!(asker.nsid(&here.path()).unwrap(), None);
    assert_eq!(find(&there.asker().links().unwrap(), "kw9").ifindex, index);

    here.ip("link delete kw1");
    let gone = told(&mut changes, second.ifindex);
    assert_eq!(gone.last(), Some(&("kw1".to_owned(), Now::Gone)));
}

#[test]
fn a_port_that_leaves_its_bridge_has_not_gone() {
    let here = Namespace::new();
    here.ip("link add kw0 type veth peer name kw1");
    here.ip("link add kwbr type bridge");
    let ifindex = find(&here.asker().links().unwrap(), "kw0").ifindex;
    let mut changes = here.changes();
    here.ip("link set kw0 master kwbr");
    here.ip("link set kw0 nomaster");
    let told = told(&mut changes, ifindex);
    assert!(!told.is_empty() && told.iter().all(|(_, now)| matches!(now, Now::Is(_))), "{told:?}");
}

#[test]
fn nothing_here_is_taken_for_kni_s() {
    let here = Namespace::new();
    here.ip("link add kw0 type veth peer name kw1");
    let asker = here.asker();
    for name in ["kw0", "lo"] {
        assert!(!find(&asker.links().unwrap(), name).may_be_kni, "{name}");
        assert!(!asker.is_kni(&name.into()).unwrap(), "{name}");
    }
    assert!(asker.is_kni(&"no-such".into()).is_err());
}

#[test]
fn what_was_lost_is_said() {
    let here = Namespace::new();
    here.ip("link add kw0 type veth peer name kw1");
    let mut changes = here.changes();
    let bytes: libc::c_int = 1;
    // SAFETY: the option is an int, as long as it says.
    let result = unsafe {
        libc::setsockopt(changes.as_raw_fd(), libc::SOL_SOCKET, libc::SO_RCVBUF, (&raw const bytes).cast(), 4)
    };
    assert_eq!(result, 0);
    for state in ["up", "down", "up", "down"] {
        here.ip(&format!("link set kw0 {state}"));
    }
    let mut sightings = Vec::new();
    assert!(!changes.take(&mut sightings));
    assert!(changes.take(&mut sightings), "told once");
}

#[test]
fn the_namespaces_of_others_are_found() {
    let here = Namespace::new();
    let inode = namespaces::inode(&here.path()).unwrap();
    let (all, _) = namespaces::network();
    assert!(all.contains_key(&inode));
    let inside = within(&here.path(), || Ok(namespaces::inode(Path::new("/proc/thread-self/ns/net"))));
    assert_eq!(inside.unwrap(), Some(inode));
    assert!(within(Path::new("/no/such"), || Ok(())).is_err());
}
