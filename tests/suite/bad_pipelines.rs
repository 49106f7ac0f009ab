//! What the program says of a faulty pipeline file. The messages are part of the product.

use super::support::{assay, code, stderr, workshop};

const GOOD: &str = r#"[pipeline]
name = "x"
as_of = "2020-12-31"

[source.samples]
files = "samples.csv"
into = "samples"

[source.samples.columns]
sample_code = "编号"
level = "级别"

[[indicator]]
id = "n"
fact = "samples"
numerator = "level = 'county'"
"#;

#[test]
fn faults_are_pointed_at_with_the_nearest_word() {
    for (from, to, expected) in [
        ("files = ", "fiels = ", "did you mean `files`?"),
        ("into = \"samples\"", "into = \"smaples\"", "did you mean `samples`?"),
        ("sample_code = ", "sample_cod = ", "did you mean `sample_code`?"),
        ("level = 'county'", "levle = 'county'", "nearest is `level`"),
        ("level = 'county'", "level = ", "this is no boolean expression"),
        ("fact = \"samples\"", "fact = \"sample\"", "did you mean `samples`?"),
        ("as_of = \"2020-12-31\"", "as_of = \"31.12.2020\"", "a day such as 2020-12-31"),
        ("name = \"x\"", "name = 1", "`name` is a text in quotes"),
        ("level = \"级别\"", "level = { from = \"级别\", othr = \"keep\" }", "did you mean `other`?"),
        ("level = \"级别\"", "level = { values = {} }", "takes either `from` or `join`"),
        ("level = \"级别\"", "level = { from = \"级别\", form = \"(\" }", "this is no regular expression"),
        ("[[indicator]]", "[[indicators]]", "did you mean `indicator`?"),
        ("id = \"n\"", "id = \"n\"\ntarget = \"97\"", "a target is `>= 97`"),
        ("id = \"n\"", "id = \"n\"\ncuts = [\"regoin\"]", "did you mean `region`?"),
        ("[pipeline]\n", "[pipeline\n", "pipeline"),
    ] {
        let folder = workshop();
        let text = GOOD.replacen(from, to, 1);
        assert_ne!(text, GOOD, "{to}");
        std::fs::write(folder.path().join("x.toml"), &text).expect("writes");
        let output = assay(folder.path(), &["check", "x.toml"]);
        let message = stderr(&output);
        assert_eq!(code(&output), 2, "{to}: {message}");
        assert!(message.contains(expected), "{to}: {message}");
        assert!(message.contains("x.toml"), "{to}: {message}");
    }
}

#[test]
fn a_misspelt_key_is_shown_in_its_line() {
    let folder = workshop();
    std::fs::write(folder.path().join("x.toml"), GOOD.replace("files = ", "fiels = ")).expect("writes");
    let message = stderr(&assay(folder.path(), &["check", "x.toml"]));
    insta::assert_snapshot!(message);
}

#[test]
fn parameters_and_paths_are_checked() {
    let folder = workshop();
    for (files, arguments, expected) in [
        ("{nowhere}/x.csv", &[][..], "[params] does not define"),
        ("samples.csv", &["--param", "data=x"][..], "the pipeline has no parameters"),
        ("../../../../etc/passwd", &[][..], "leaves the project's folder"),
        ("/etc/passwd", &[][..], "is an absolute path"),
    ] {
        std::fs::write(folder.path().join("x.toml"), GOOD.replace("samples.csv", files)).expect("writes");
        let output = assay(folder.path(), &[&["check", "x.toml"], arguments].concat());
        assert_eq!(code(&output), 2, "{files}");
        assert!(stderr(&output).contains(expected), "{files}: {}", stderr(&output));
    }
}
