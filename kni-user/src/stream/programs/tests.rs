use super::{Image, Known};

fn image(object: &str, executed: Option<u64>) -> Image {
    let object = Known { object: object.into(), uses_kni: true };
    Image { objects: vec![object], was_read: true, executed, ..Image::default() }
}

#[test]
fn a_child_runs_what_its_parent_does_until_it_is_read() {
    let child = image("parent", Some(10)).of_child(20, None);
    assert_eq!(child, Image { was_read: false, ..image("parent", None) });
}

#[test]
fn a_child_that_has_executed_before_its_fork_was_told_keeps_what_it_runs() {
    let own = image("child", Some(30));
    assert_eq!(image("parent", Some(10)).of_child(20, Some(own.clone())), own);
}

#[test]
fn what_an_earlier_process_of_the_childs_id_ran_is_not_the_childs() {
    for executed in [Some(15), None] {
        let child = image("parent", Some(10)).of_child(20, Some(image("earlier", executed)));
        assert_eq!(child.objects, image("parent", None).objects, "{executed:?}");
    }
}
