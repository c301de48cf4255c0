//! Which hooks were live, and when: what absence may be concluded from.

use kni_ebpf::hook::Hook;

use crate::event::{Coverage, HookState, Nanos};
use crate::report::{Hooks, Unseen};
use crate::untrusted::Untrusted;

/// Attachments that are remembered; later ones of a machine with more are taken as not seen.
const MAX_ATTACHMENTS: usize = 1024;
/// Times at which an attachment was live that are remembered.
const MAX_SPANS: usize = 8;

/// All attachments that the stream has told of.
#[derive(Debug, Default)]
pub struct Table {
    attachments: Vec<Attachment>,
}

/// A hook at one place: one symbol of one object.
#[derive(Debug)]
struct Attachment {
    hook: Hook,
    via: Untrusted,
    object: Option<Untrusted>,
    state: HookState,
    spans: Vec<Span>,
}

/// From when to when it was live.
#[derive(Clone, Copy, Debug)]
struct Span {
    from: Nanos,
    until: Option<Nanos>,
}

impl Table {
    /// Takes a new state. Returns whether the hook is live by it and wasn't, or isn't and was.
    pub fn update(&mut self, at: Nanos, coverage: &Coverage) -> bool {
        let before = self.is_live(coverage.hook);
        if let Some(attachment) = self.attachment(coverage) {
            attachment.update(at, &coverage.state);
        }
        before != self.is_live(coverage.hook)
    }

    fn attachment(&mut self, coverage: &Coverage) -> Option<&mut Attachment> {
        let known = self.attachments.iter().position(|known| known.is(coverage));
        let index = known.or_else(|| self.insert(coverage))?;
        self.attachments.get_mut(index)
    }

    fn insert(&mut self, coverage: &Coverage) -> Option<usize> {
        if self.attachments.len() >= MAX_ATTACHMENTS {
            let gone = self.attachments.iter().position(|attachment| !attachment.is_live())?;
            self.attachments.remove(gone);
        }
        let Coverage { hook, via, object, state } = coverage.clone();
        self.attachments.push(Attachment { hook, via, object, state, spans: Vec::new() });
        Some(self.attachments.len() - 1)
    }

    /// Whether anything observes for `hook` now.
    #[must_use]
    pub fn is_live(&self, hook: Hook) -> bool {
        self.of(hook, &[]).any(Attachment::is_live)
    }

    /// Whether `hook` can't be had in `object`: it is stripped, say.
    #[must_use]
    pub fn is_missing_in(&self, hook: Hook, object: &Untrusted) -> bool {
        let mut attachments = self.attachments.iter();
        attachments.any(|known| {
            known.hook == hook
                && known.object.as_ref() == Some(object)
                && matches!(known.state, HookState::Missing { .. })
        })
    }

    /// Whether `hook` was live from `from` to `to` for a process that runs code of `objects`; if not, why.
    ///
    /// A hook of the library counts only in one of these: what is attached in the system's library says
    /// nothing of another copy of it, or of a program that has it inside. With no object given, all count.
    pub fn throughout(
        &self,
        hook: Hook,
        from: Nanos,
        to: Nanos,
        objects: &[Untrusted],
    ) -> Result<(), Unseen> {
        if self.of(hook, objects).any(|attachment| attachment.was_live(from, to)) {
            return Ok(());
        }
        let since = self.of(hook, objects).filter_map(Attachment::live_since).min();
        let armed_after_ns = since.filter(|since| *since > from).map(|since| since - from);
        let reason = armed_after_ns.is_none().then(|| self.reason(hook, objects));
        Err(Unseen::Hook { hook: hook.name(), reason, armed_after_ns })
    }

    fn reason(&self, hook: Hook, objects: &[Untrusted]) -> String {
        let why = |attachment: &Attachment| match &attachment.state {
            HookState::Missing { reason } => Some(reason.clone()),
            HookState::Live | HookState::Gone => Some("its module was unloaded in between".to_owned()),
            HookState::Idle => Some("no process was seen using KNI by then".to_owned()),
            HookState::Waiting => None,
        };
        let nothing = || "its module or library is not there".to_owned();
        self.of(hook, objects).find_map(why).unwrap_or_else(nothing)
    }

    /// All hooks that anything is known of, by what they can do now.
    #[must_use]
    pub fn hooks(&self) -> Hooks {
        let mut hooks =
            Hooks { live: Vec::new(), waiting: Vec::new(), idle: Vec::new(), missing: Vec::new() };
        for hook in Hook::ALL {
            let missing = self.of(hook, &[]).find_map(|attachment| match &attachment.state {
                HookState::Missing { reason } => Some(reason.clone()),
                HookState::Live | HookState::Gone | HookState::Waiting | HookState::Idle => None,
            });
            if self.is_live(hook) {
                hooks.live.push(hook.name());
            } else if self.of(hook, &[]).any(|attachment| attachment.state == HookState::Idle) {
                hooks.idle.push(hook.name());
            } else if self.of(hook, &[]).any(Attachment::may_come) {
                hooks.waiting.push(hook.name());
            } else if let Some(reason) = missing {
                hooks.missing.push((hook.name(), reason));
            }
        }
        hooks
    }

    /// Whether hooks were looked for in the file `path`: an executable in which they were has the library
    /// inside, as far as that is known at all.
    #[must_use]
    pub fn has_object(&self, path: &Untrusted) -> bool {
        self.attachments.iter().any(|attachment| attachment.object.as_ref() == Some(path))
    }

    fn of<'a>(&'a self, hook: Hook, objects: &'a [Untrusted]) -> impl Iterator<Item = &'a Attachment> {
        self.attachments.iter().filter(move |attachment| {
            let object = attachment.object.as_ref();
            attachment.hook == hook
                && (objects.is_empty() || object.is_none_or(|object| objects.contains(object)))
        })
    }
}

impl Attachment {
    fn is(&self, coverage: &Coverage) -> bool {
        self.hook == coverage.hook && self.via == coverage.via && self.object == coverage.object
    }

    fn update(&mut self, at: Nanos, state: &HookState) {
        let open = self.spans.last_mut().filter(|span| span.until.is_none());
        match (state, open) {
            (HookState::Live, None) => self.spans.push(Span { from: at, until: None }),
            (HookState::Live, Some(_)) | (_, None) => {}
            (_, Some(span)) => span.until = Some(at),
        }
        if self.spans.len() > MAX_SPANS {
            self.spans.remove(0);
        }
        self.state = state.clone();
    }

    fn live_since(&self) -> Option<Nanos> {
        self.spans.last().filter(|span| span.until.is_none()).map(|span| span.from)
    }

    fn is_live(&self) -> bool {
        self.live_since().is_some()
    }

    fn may_come(&self) -> bool {
        matches!(self.state, HookState::Waiting | HookState::Gone)
    }

    fn was_live(&self, from: Nanos, to: Nanos) -> bool {
        self.spans.iter().any(|span| span.from <= from && span.until.is_none_or(|until| until > to))
    }
}

#[cfg(test)]
mod tests {
    use kni_ebpf::hook::Hook;

    use super::{MAX_ATTACHMENTS, Table};
    use crate::event::{Coverage, HookState};
    use crate::report::Unseen;
    use crate::untrusted::Untrusted;

    fn note(table: &mut Table, at: u64, via: &str, object: Option<&str>, state: HookState) -> bool {
        let object = object.map(Untrusted::from);
        table.update(at, &Coverage { hook: Hook::Handler, via: via.into(), object, state })
    }

    fn unseen(table: &Table, from: u64, to: u64) -> Option<(Option<String>, Option<u64>)> {
        match table.throughout(Hook::Handler, from, to, &[]) {
            Ok(()) => None,
            Err(Unseen::Hook { reason, armed_after_ns, .. }) => Some((reason, armed_after_ns)),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_hook_is_seen_only_while_one_attachment_is_live_all_the_time() {
        let mut table = Table::default();
        assert!(unseen(&table, 0, 1).is_some(), "never heard of");
        note(&mut table, 1, "kni_ioctl_create", None, HookState::Waiting);
        assert_eq!(unseen(&table, 2, 3), Some((Some("its module or library is not there".to_owned()), None)));
        assert!(note(&mut table, 10, "kni_ioctl_create", None, HookState::Live));
        assert!(!note(&mut table, 12, "kni_ioctl", None, HookState::Live), "live already");
        assert_eq!(unseen(&table, 10, 20), None);
        assert_eq!(unseen(&table, 7, 20), Some((None, Some(3))));
        note(&mut table, 30, "kni_ioctl_create", None, HookState::Gone);
        assert_eq!(unseen(&table, 13, 31), None, "the other one is live");
        assert!(note(&mut table, 40, "kni_ioctl", None, HookState::Gone));
        assert_eq!(unseen(&table, 13, 39), None, "it was, then");
        assert!(unseen(&table, 13, 40).is_some());
        note(&mut table, 50, "kni_ioctl_create", None, HookState::Live);
        assert_eq!(unseen(&table, 10, 29), None, "the first time it was live");
        assert_eq!(unseen(&table, 20, 60), Some((None, Some(30))), "not from one life into the next");
    }

    #[test]
    fn a_hook_counts_only_in_the_objects_that_a_process_runs() {
        let mut table = Table::default();
        note(&mut table, 1, "rte_log", Some("/lib/librte_eal.so"), HookState::Live);
        let stripped = HookState::Missing { reason: "the file is stripped".to_owned() };
        note(&mut table, 1, "rte_log", Some("/opt/static"), stripped);
        note(&mut table, 7, "rte_log", Some("/opt/lib/librte_eal.so"), HookState::Live);
        let seen = |objects: &[&str]| {
            let objects: Vec<_> = objects.iter().map(|object| Untrusted::from(*object)).collect();
            match table.throughout(Hook::Handler, 2, 9, &objects) {
                Ok(()) => Ok(()),
                Err(Unseen::Hook { reason, armed_after_ns, .. }) => Err((reason, armed_after_ns)),
                Err(other) => panic!("{other:?}"),
            }
        };
        assert_eq!(seen(&[]), Ok(()), "of a process of which nothing is known, all count");
        assert_eq!(seen(&["/lib/librte_kni.so", "/lib/librte_eal.so"]), Ok(()));
        assert_eq!(seen(&["/opt/static"]), Err((Some("the file is stripped".to_owned()), None)));
        assert_eq!(seen(&["/opt/lib/librte_eal.so"]), Err((None, Some(5))));
        assert!(seen(&["/srv/other"]).is_err(), "never looked at");
        assert!(table.has_object(&"/opt/static".into()) && !table.has_object(&"/srv/other".into()));
    }

    #[test]
    fn each_hook_is_counted_once_as_the_best_it_can_do() {
        let mut table = Table::default();
        let missing = HookState::Missing { reason: "no kprobes".to_owned() };
        note(&mut table, 1, "a", None, missing);
        assert_eq!(table.hooks().missing, [("handler", "no kprobes".to_owned())]);
        note(&mut table, 2, "b", None, HookState::Waiting);
        assert_eq!(table.hooks().waiting, ["handler"]);
        note(&mut table, 3, "b", None, HookState::Live);
        let hooks = table.hooks();
        assert_eq!(
            (hooks.live.as_slice(), hooks.waiting.len(), hooks.missing.len()),
            (&["handler"][..], 0, 0)
        );
    }

    #[test]
    fn memory_stays_bounded() {
        let mut table = Table::default();
        for n in 0..MAX_ATTACHMENTS as u64 + 10 {
            for state in [HookState::Live, HookState::Gone, HookState::Live, HookState::Gone] {
                note(&mut table, n, &n.to_string(), None, state);
            }
        }
        assert_eq!(table.attachments.len(), MAX_ATTACHMENTS);
    }
}
