//! The form as a reader has it: types of its own, which refuse what docs/json.md doesn't name.

#![expect(dead_code, reason = "that it decodes is the test")]

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(tag = "type", content = "data", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Line {
    Start(Start),
    Attempt(Box<Attempt>),
    Interface(Became),
    Lost(Lost),
    Diagnostic(Diagnosed),
    Summary(Summary),
    Cause(Explained),
    Probe(Probe),
    Alive(Living),
    Unseen(Unlooked),
    Source(Readable),
    Finding(Doctored),
}

/// Declares structs that take exactly these fields.
macro_rules! strict {
    ($($name:ident { $($field:ident: $kind:ty),* $(,)? })*) => {
        $(
            #[derive(Debug, Deserialize)]
            #[serde(deny_unknown_fields)]
            pub(super) struct $name { $($field: $kind),* }
        )*
    };
}

/// Text, or bytes that are no UTF-8.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Text {
    Utf8(String),
    Other(Hex),
}

strict! {
    Hex { hex: String }
    Start {
        schema: u32,
        version: String,
        host: Text,
        kernel: Text,
        unix_ns: i64,
        boot_ns: u64,
        utc_offset_s: i32,
        cpus_online: Text,
        module: Option<Module>,
        memory_end: Option<u64>,
        netns: Option<u64>,
        question: Asked,
    }
    Module { version: Option<Text>, parameters: Vec<(Text, Text)>, info: Option<DeviceInfo> }
    DeviceInfo { size: u32, name_bytes: Option<u32>, source: String }
    Asked {
        command: String,
        expect: Option<Vec<Text>>,
        expect_outcome: Option<String>,
        within_ns: Option<u64>,
        runs_command: Option<bool>,
    }
    Attempt {
        process: Process,
        interface: Interface,
        outcome: String,
        boundary: Option<String>,
        cause: Option<String>,
        errno: Errnos,
        subject: Option<Text>,
        holder: Option<Holder>,
        issued: Option<bool>,
        arguments: Option<Arguments>,
        check: Option<Check>,
        origin: Option<Origin>,
        library: Option<Library>,
        end: Option<End>,
        r#final: bool,
        waiting: Option<Waiting>,
        skew: Option<Skew>,
        steps: Vec<Step>,
        log: Vec<Text>,
        coverage: Coverage,
        repeat: Option<Repeat>,
        started: i64,
        duration_ns: u64,
    }
    Process {
        pid: u32,
        tid: u32,
        ns_pid: Option<u32>,
        comm: Text,
        exe: Option<Text>,
        start_ns: Option<u64>,
        mntns: Option<u64>,
    }
    Arguments { name: Argument, pool: Argument, iova_mode: Option<String> }
    Check {
        function: String,
        releases: String,
        what: String,
        number: u8,
        of: u8,
        time: Option<(u8, u8)>,
    }
    Origin {
        hook: String,
        place: String,
        text: Option<Text>,
        detail: Option<Text>,
        after_ns: u64,
        value: Option<i64>,
        took_ns: Option<u64>,
        rte_errno: Option<i32>,
        before_ns: u64,
    }
    Library {
        object: Option<Text>,
        is_static: Option<bool>,
        releases: Option<String>,
        layout: Option<char>,
        evidence: Vec<String>,
    }
    End { status: Option<i32>, signal: Option<i32>, core_dumped: bool }
    Interface {
        claimed: Option<Text>,
        consumed: Option<Text>,
        actual: Option<Text>,
        ifindex: Option<u32>,
        netns: Option<u64>,
        opened_in: Option<u64>,
    }
    Waiting { what: String, holder: Option<Holder>, since_ns: u64, stack: Vec<Text> }
    Skew {
        library: Option<char>,
        library_bytes: u32,
        module: Option<char>,
        module_bytes: Option<u32>,
        evidence: Vec<String>,
        fields: Vec<Field>,
    }
    Field { name: String, value: u64 }
    Errnos { user: Option<i32>, kernel: Option<i32> }
    Holder { pid: u32, comm: Text }
    Step {
        hook: String,
        place: String,
        text: Option<Text>,
        detail: Option<Text>,
        after_ns: u64,
        value: Option<i64>,
        took_ns: Option<u64>,
        rte_errno: Option<i32>,
    }
    Coverage { complete: bool, missing: Vec<Unseen> }
    Repeat {
        count: u64,
        previous_pid: u32,
        lived_ns: Option<u64>,
        shortest_ns: Option<u64>,
        longest_ns: Option<u64>,
        over_ns: u64,
        parent: Option<Holder>,
    }
    Loop {
        program: Text,
        interface: Option<Text>,
        outcome: String,
        boundary: Option<String>,
        cause: Option<String>,
        count: u64,
        over_ns: u64,
        shortest_ns: Option<u64>,
        longest_ns: Option<u64>,
        parent: Option<Holder>,
    }
    Lost { time: i64, count: u64, total: u64 }
    Missing { hook: String, reason: String }
    Summary {
        time: i64,
        attempts: Tally,
        ledger: Ledger,
        complete: bool,
        loops: Vec<Loop>,
        check: Option<Answer>,
    }
    Tally {
        created: u64,
        created_elsewhere: u64,
        created_doomed: u64,
        stopped_library: u64,
        stopped_syscall: u64,
        stopped_module: u64,
        stopped_network: u64,
        died: u64,
        in_progress: u64,
        not_attempted: u64,
        inconclusive: u64,
    }
    Ledger {
        emitted: u64,
        filtered: u64,
        lost: u64,
        missed: u64,
        displaced: u64,
        unpaired: u64,
        received: u64,
        undecoded: u64,
    }
    Answer { interfaces: Vec<Checked>, expected: String, exit_status: u8 }
    Checked {
        name: Option<Text>,
        outcome: String,
        boundary: Option<String>,
        cause: Option<String>,
        gone_again: bool,
        as_expected: bool,
        attempt: Option<Attempt>,
    }
    Doctored {
        about: String,
        level: String,
        found: Text,
        evidence: Vec<Text>,
        remedy: Option<Text>,
    }
    Readable {
        source: String,
        state: String,
        reason: Option<String>,
        via: String,
        lost_without: String,
    }
    Probe {
        hook: String,
        state: String,
        reason: Option<String>,
        via: Text,
        object: Option<Text>,
        sites: Vec<Sites>,
        required: bool,
        lost_without: String,
    }
    Sites { class: String, count: u64 }
    Living {
        name: Text,
        ifindex: u32,
        mtu: Option<u32>,
        netns: u64,
        netns_name: Option<Text>,
        own_netns: bool,
        owner: Option<Holder>,
        up: bool,
        carrier: bool,
        age: Option<Age>,
        thread_alive: Option<bool>,
    }
    Age { ns: u64, at_most: bool }
    Unlooked { what: String }
    Explained {
        cause: String,
        meaning: String,
        advice: String,
        about: Vec<String>,
        evidence: Vec<String>,
        not: Vec<String>,
        r#do: Vec<String>,
        releases: Vec<String>,
    }
}

/// Declares what can become of an interface: each has the common fields beside its own.
macro_rules! became {
    ($($name:ident { $($field:ident: $kind:ty),* $(,)? })*) => {
        #[derive(Debug, Deserialize)]
        #[serde(tag = "event", rename_all = "kebab-case", deny_unknown_fields)]
        pub(super) enum Became {
            Released {
                time: i64,
                name: Text,
                ifindex: Option<u32>,
                pid: u32,
                comm: Text,
                how: String,
                lived_ns: Option<u64>,
                took_ns: Option<u64>,
            },
            $($name {
                time: i64,
                name: Text,
                ifindex: Option<u32>,
                netns: Option<u64>,
                owner: Option<Holder>,
                $($field: $kind),*
            }),*
        }
    };
}

became! {
    Renamed { to: Text }
    Moved { to_netns: Option<u64> }
    Up { carrier: bool }
    Down {}
    Carrier { on: bool }
    SetUpRequest { request: String, errno: Option<i32>, took_ns: u64, by: Holder }
    ReleaseRefused { errno: Option<i32>, took_ns: Option<u64> }
    ModuleRemoved {}
}

#[derive(Debug, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Unseen {
    Hook { hook: String, reason: Option<String>, armed_after_ns: Option<u64> },
    Records { lost: u64 },
    Entry { hook: String },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Argument {
    Null,
    Text { text: Text },
    Unreadable { errno: i32 },
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub(super) enum Diagnosed {
    Armed {
        time: i64,
        live: Vec<String>,
        waiting: Vec<String>,
        idle: Vec<String>,
        missing: Vec<Missing>,
    },
    Coverage {
        time: i64,
        came: Vec<String>,
        went: Vec<String>,
        blind_ns: Option<u64>,
    },
    CommandEnded {
        time: i64,
        status: Option<i32>,
        signal: Option<i32>,
    },
    DiedInModule {
        time: i64,
        thread: Holder,
        function: Text,
        at: Option<Text>,
        device_stuck: bool,
        interfaces: Vec<Text>,
        log: Vec<Text>,
    },
}
