//! The checks, applied to this repository.

#[test]
fn every_crate_imports_only_what_the_table_allows() {
    assert_eq!(ci::layers::check(&ci::root()).unwrap(), Vec::<String>::new());
}

#[test]
fn the_sources_keep_the_house_rules() {
    let root = ci::root();
    assert_eq!(ci::tidy::check(&root, &ci::files(&root).unwrap()).unwrap(), Vec::<String>::new());
}

#[test]
fn every_link_leads_somewhere() {
    let root = ci::root();
    assert_eq!(ci::links::check(&root, &ci::files(&root).unwrap()).unwrap(), Vec::<String>::new());
}
