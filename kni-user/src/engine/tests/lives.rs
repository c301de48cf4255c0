//! What is told of interfaces' lives holds whoever else has one of the same name and index in another network
//! namespace, and whatever single event was lost.

use std::collections::BTreeSet;

use kni_ebpf::hook::Hook;
use proptest::prelude::*;

use crate::event::{Event, Holder, Ledger, Link, LinkState, Moved, Process, What};
use crate::report::{Change, Told};
use crate::testing::{Answer, CREATE, RELEASE, SOME, Stream, Who, process};

const NAME: &str = "vEth0";
const INDEX: u32 = 7;
const IP: Who = process(300);
const SIGKILL: u64 = 9;
/// Where interfaces are moved to.
const ELSEWHERE: u64 = 99;

/// What of an interface's life is told, and of whose.
pub(super) type Life = BTreeSet<(u32, String)>;

/// One thing that happens to the interface of a process.
type Act = fn(&mut Stream, Who);

/// A network namespace and an opening of the device for each process.
fn netns(who: Who) -> u64 {
    4_026_531_840 + u64::from(who.pid)
}

fn file(who: Who) -> u64 {
    SOME + 0x100 * u64::from(who.pid)
}

fn starts(s: &mut Stream, who: Who) {
    s.process(who.pid, 1);
    if let Some(Event { what: What::Process(Process { netns: known, .. }), .. }) = s.events.last_mut() {
        *known = Some(netns(who));
    }
}

fn link(s: &mut Stream, who: Who, name: &str, state: Option<(bool, bool)>) {
    let state = state.map(|(up, carrier)| LinkState { up, carrier });
    let (netns, mtu) = (netns(who), Some(1500));
    s.push(What::Link(Link {
        netns,
        ifindex: INDEX,
        name: name.into(),
        mtu,
        state,
        moved: None,
        owner: None,
    }));
}

/// Somebody asks for a set-up of the interface of `owner`.
fn asker(owner: Who) -> (Who, [u64; 3]) {
    (Who { pid: IP.pid, tid: IP.tid + owner.pid }, [2, u64::from(INDEX), netns(owner)])
}

fn asked(s: &mut Stream, owner: Who) {
    let (who, args) = asker(owner);
    s.enter(who, Hook::SetUpRequest, args, NAME);
}

fn never_answered(s: &mut Stream, owner: Who) {
    let (who, args) = asker(owner);
    s.now += 3_000_000_000;
    s.leave(who, Hook::SetUpRequest, -62, args);
    if let Some(Event { what: What::Step(step), .. }) = s.events.last_mut() {
        step.text = crate::event::Read::Bytes(NAME.into());
    }
}

const OPENED: &[Act] = &[
    |s, who| s.enter(who, Hook::DeviceOpen, [1, file(who), netns(who)], ""),
    |s, who| s.leave(who, Hook::DeviceOpen, 0, [1, file(who), netns(who)]),
];

const CREATED: &[Act] = &[
    |s, who| s.call(who, 5, CREATE, NAME),
    |s, who| s.enter(who, Hook::Dispatcher, [file(who), u64::from(CREATE), SOME], ""),
    |s, who| s.enter(who, Hook::Handler, [netns(who), u64::from(CREATE), SOME], ""),
    |s, _| s.log("rte_kni: Creating kni..."),
    |s, who| s.pass(who, Hook::AllocNetdev, 0x1000, [0; 3], NAME),
    |s, who| s.pass(who, Hook::RegisterNetdev, 0, [SOME, u64::from(INDEX), 0], NAME),
    |s, who| link(s, who, NAME, Some((false, false))),
    |s, who| s.leave(who, Hook::Handler, 0, [netns(who), u64::from(CREATE), SOME]),
    |s, who| s.leave(who, Hook::Dispatcher, 0, [file(who), u64::from(CREATE), SOME]),
    |s, who| s.answer(who, 5, CREATE, 0),
];

const CLOSED: &[Act] = &[
    |s, who| s.enter(who, Hook::DeviceRelease, [1, file(who), netns(who)], ""),
    |s, who| link(s, who, NAME, None),
    |s, who| s.leave(who, Hook::DeviceRelease, 0, [1, file(who), netns(who)]),
];

/// What happens between the creation and the end of it, and how it ends.
const LIVES: &[(&str, &[Act], &[Act])] = &[
    (
        "up without carrier, released, closed",
        &[
            |s, who| link(s, who, NAME, Some((true, false))),
            |s, who| s.call(who, 5, RELEASE, NAME),
            |s, who| link(s, who, NAME, None),
            |s, who| s.answer(who, 5, RELEASE, 0),
        ],
        &[
            |s, who| s.enter(who, Hook::DeviceRelease, [1, file(who), netns(who)], ""),
            |s, who| s.leave(who, Hook::DeviceRelease, 0, [1, file(who), netns(who)]),
        ],
    ),
    ("nobody answers, closed", &[asked, never_answered], CLOSED),
    (
        "renamed and back, refused, closed",
        &[
            |s, who| link(s, who, "wan0", Some((false, false))),
            |s, who| s.call(who, 5, RELEASE, "wan0"),
            |s, who| s.answer(who, 5, RELEASE, -22),
            |s, who| link(s, who, NAME, Some((false, false))),
        ],
        CLOSED,
    ),
    (
        "up and down, killed",
        &[
            |s, who| link(s, who, NAME, Some((true, true))),
            |s, who| link(s, who, NAME, Some((true, false))),
            |s, who| link(s, who, NAME, Some((false, false))),
            |s, who| s.ends(who, SIGKILL),
        ],
        CLOSED,
    ),
    (
        "moved",
        &[|s, who| {
            let moved = Some(Moved { netns: Some(ELSEWHERE), ifindex: Some(INDEX + who.pid) });
            let (netns, name, mtu) = (netns(who), NAME.into(), None);
            s.push(What::Link(Link { netns, ifindex: INDEX, name, mtu, state: None, moved, owner: None }));
        }],
        &[],
    ),
];

fn acts((_, between, end): &(&str, &[Act], &[Act])) -> Vec<Act> {
    [OPENED, CREATED, *between, *end].concat()
}

fn begin() -> Stream {
    let mut stream = Stream::watch();
    starts(&mut stream, process(1));
    starts(&mut stream, process(2));
    stream
}

fn alone(who: Who, life: &(&str, &[Act], &[Act])) -> Stream {
    let mut stream = begin();
    for act in acts(life) {
        act(&mut stream, who);
    }
    stream
}

fn kind(change: &Change) -> String {
    match change {
        Change::Renamed { to } => format!("renamed to {to:?}"),
        Change::Moved { to_netns } => format!("moved to {to_netns:?}"),
        Change::Up { carrier } => format!("up, carrier {carrier}"),
        Change::Down => "down".to_owned(),
        Change::Carrier { on } => format!("carrier {on}"),
        Change::SetUpRequest { errno, by: Holder { pid, .. }, .. } => format!("{pid} was told {errno:?}"),
        Change::ReleaseRefused { errno, .. } => format!("refused with {errno:?}"),
        Change::ModuleRemoved => "left behind".to_owned(),
    }
}

/// All that is told of interfaces' lives; of one whose owner is not told, of nobody's.
pub(super) fn lives(answer: &Answer) -> Life {
    let life = |told: &Told| match told {
        Told::Released(released) => Some((released.pid, format!("released by {:?}", released.how))),
        Told::Changed(changed) => {
            Some((changed.owner.as_ref().map_or(0, |owner| owner.pid), kind(&changed.what)))
        }
        _ => None,
    };
    answer.reports.iter().filter_map(|report| life(&report.what)).collect()
}

#[test]
fn every_life_is_told() {
    let expected = [
        vec![(1, "released by Request"), (1, "up, carrier false")],
        vec![(1, "300 was told Some(62)"), (1, "released by Close")],
        vec![
            (1, "refused with Some(22)"),
            (1, "released by Close"),
            (1, "renamed to \"vEth0\""),
            (1, "renamed to \"wan0\""),
        ],
        vec![(1, "carrier false"), (1, "released by Death"), (1, "up, carrier true")],
        vec![(1, "moved to Some(99)")],
    ];
    for (life, expected) in LIVES.iter().zip(expected) {
        let told = lives(&alone(process(1), life).end());
        let told: Vec<(u32, &str)> = told.iter().map(|(pid, what)| (*pid, what.as_str())).collect();
        assert_eq!(told, expected, "{}", life.0);
    }
}

proptest! {
    #[test]
    fn interfaces_of_one_name_and_index_in_two_network_namespaces_are_kept_apart(
        one in 0..LIVES.len(), two in 0..LIVES.len(), turns in proptest::collection::vec(any::<bool>(), 60),
    ) {
        let whose = [process(1), process(2)];
        let mut left = [acts(&LIVES[one]), acts(&LIVES[two])].map(|acts| acts.into_iter());
        let mut stream = begin();
        let rest = [true, false].into_iter().flat_map(|turn| std::iter::repeat_n(turn, 60));
        for turn in turns.into_iter().chain(rest).map(usize::from) {
            if let Some(act) = left[turn].next() {
                act(&mut stream, whose[turn]);
            }
        }
        let both: Life = [one, two]
            .into_iter()
            .zip(whose)
            .flat_map(|(life, who)| lives(&alone(who, &LIVES[life]).end()))
            .collect();
        let told = lives(&stream.end());
        prop_assert_eq!(told, both, "{} beside {}", LIVES[one].0, LIVES[two].0);
    }
}

/// What is told of lives of which `whole` is all that there is to tell, and is not so.
pub(super) fn not_so(told: Life, whole: &Life) -> Life {
    told.into_iter().filter(|told| !is_so(told, whole)).collect()
}

/// Whether it is what was told of the whole, or something less exact.
fn is_so((pid, what): &(u32, String), whole: &Life) -> bool {
    let same = |of: &str| whole.iter().any(|(_, told)| told == of);
    let about = |of: &str| whole.iter().any(|(_, told)| told.starts_with(of));
    let right = same(what)
        // What goes is set down first.
        || (what == "down" && about("released"))
        // What happened in between was not seen.
        || (what == "up, carrier true" && same("carrier true"))
        || (what == "up, carrier false" && same("carrier false"))
        || (what == "released by Unseen" && about("released"))
        // Who dies closes the device.
        || (what == "released by Close" && same("released by Death"));
    right && (*pid == 0 || whole.iter().any(|(whose, _)| whose == pid))
}

#[test]
fn any_one_event_lost_makes_nothing_be_told_that_is_not_so() {
    for life in LIVES {
        let stream = alone(process(1), life);
        let whole = lives(&stream.clone().end());
        let armed = stream.events.iter().position(|event| matches!(event.what, What::Armed)).unwrap();
        for dropped in armed + 1..stream.events.len() {
            let mut left = stream.clone();
            let Event { at, what } = left.events.remove(dropped);
            if matches!(what, What::Step(_) | What::Call(_)) {
                let ledger = What::Ledger(Ledger { lost: 1, ..Ledger::default() });
                left.events.insert(dropped, Event { at, what: ledger });
            }
            left.now += 5_000_000_000;
            left.push(What::Tick);
            let wrong = not_so(lives(&left.end()), &whole);
            assert!(wrong.is_empty(), "{} without {what:?}: {wrong:?}", life.0);
        }
    }
}
