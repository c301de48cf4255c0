//! What is told of the library's functions: which entry a return belongs to, pools by name, reasons by `rte_errno`.

use kni_user::event::Phase;

use crate::standin::{Linked, Standin, told};

const WHOLE: Linked = Linked::Whole(&[]);

#[test]
fn of_functions_within_each_other_the_outermost_failure_is_told() {
    let standin = Standin::compiled(WHOLE);
    let seen = standin.steps(&["pool", "12", "mempool", "0", "pool", "0", "mempool", "7"]);
    let seen: Vec<_> = seen.iter().map(told).collect();
    assert_eq!(
        seen,
        [
            "mempool-create NULL pool rte_errno 12",
            "pool-create NULL pool rte_errno 12",
            "mempool-create NULL mempool rte_errno 7",
        ]
    );
}

#[test]
fn an_entry_that_was_left_by_a_jump_marries_no_later_return() {
    let standin = Standin::compiled(WHOLE);
    let seen = standin.steps(&["jump", "0", "alloc", "17", "mempool", "7"]);
    let lines: Vec<_> = seen.iter().map(told).collect();
    assert_eq!(
        lines,
        [
            "library-alloc entered left",
            "library-alloc entered vEth0_0 [a pool of 26 characters]",
            "memzone-reserve NULL vEth0_0 rte_errno 17",
            "library-alloc NULL vEth0_0 [a pool of 26 characters] rte_errno 17",
            "mempool-create NULL mempool rte_errno 7",
        ]
    );
    let [_, enter, reserve, leave, _] = seen.as_slice() else { unreachable!() };
    let Phase::Return { entered, .. } = leave.phase else { panic!("{leave:?}") };
    assert_eq!(entered, enter.attempt);
    assert_eq!((reserve.attempt, leave.attempt), (enter.attempt, enter.attempt));
}

#[test]
fn rte_errno_is_each_threads_own_however_dpdk_is_linked() {
    for linked in [
        Linked::Whole(&["-pie", "-fPIE"]),
        Linked::Whole(&["-no-pie"]),
        Linked::Whole(&["-static"]),
        Linked::Whole(&["-static-pie", "-fPIE"]),
        Linked::Shared(&[]),
        Linked::Shared(&["-Wl,-Bsymbolic"]),
    ] {
        let seen = Standin::compiled(linked).steps(&["alloc", "17", "thread", "0", "alloc", "4095"]);
        let errnos: Vec<_> = seen.iter().filter_map(|step| step.rte_errno).collect();
        assert_eq!(errnos, [17, 17, 12, 12, 4095, 4095], "{linked:?}");
    }
}

#[test]
fn where_rte_errno_cannot_be_known_none_is_told() {
    for (linked, number) in [
        (Linked::Shared(&["-ftls-model=initial-exec"]), "17"),
        (Linked::Shared(&["-mtls-dialect=gnu2"]), "17"),
        (Linked::Whole(&["-s", "-rdynamic", "-DVISIBILITY=\"hidden\""]), "17"),
        // No errno is so high.
        (WHOLE, "4096"),
    ] {
        let seen = Standin::compiled(linked).steps(&["alloc", number, "pool", number]);
        assert_eq!(seen.len(), 5, "{seen:#?}");
        assert!(seen.iter().all(|step| step.rte_errno.is_none()), "{linked:?} {seen:#?}");
    }
}

#[test]
fn a_pool_that_is_none_has_no_name() {
    let seen = Standin::compiled(WHOLE).steps(&["unreadable", "17"]);
    let seen: Vec<_> = seen.iter().map(told).collect();
    let [enter, _, leave] = seen.as_slice() else { panic!("{seen:#?}") };
    assert_eq!(enter, "library-alloc entered vEth0_0 [(-14)]");
    assert_eq!(leave, "library-alloc NULL vEth0_0 [(-14)] rte_errno 17");
}

#[test]
fn a_panic_is_told_with_its_function_and_format() {
    let seen = Standin::compiled(WHOLE).steps(&["alloc", "1", "panic", "0"]);
    let last = seen.last().map(told);
    assert_eq!(last.as_deref(), Some("panic entered Can not open /dev/%s\n [rte_kni_init]"));
}
