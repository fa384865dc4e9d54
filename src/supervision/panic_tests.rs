use super::*;

#[test]
fn a_caught_panic_says_what_and_where() {
    install_hook();
    assert_eq!(catch(|| 3), Ok(3));
    let line = line!() + 1;
    let told = catch(|| panic!("no {}", "way")).expect_err("it panics");
    assert_eq!(told, format!("no way ({}:{line})", file!()));
}

#[test]
fn a_panic_that_passes_by_the_hook_still_has_its_own_message() {
    install_hook();
    let told = catch(|| {
        drop(panic::catch_unwind(|| panic!("an earlier one")));
        LAST.take();
        panic::resume_unwind(Box::new("thrown by hand"))
    });
    assert_eq!(told, Err::<(), _>("thrown by hand".to_owned()));
}

#[test]
fn what_was_caught_is_not_told_again() {
    install_hook();
    drop(catch(|| panic!("the first")));
    assert_eq!(catch(|| panic::resume_unwind(Box::new(7))), Err::<(), _>("without a message".to_owned()));
}

#[test]
fn the_outer_code_stays_supervised() {
    install_hook();
    let inner = catch(|| {
        drop(catch(|| panic!("inner")));
        SUPERVISED.get()
    });
    assert_eq!((inner, SUPERVISED.get()), (Ok(true), false));
}
