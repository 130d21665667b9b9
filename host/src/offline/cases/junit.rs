//! Outcomes in the XML of `JUnit`, which CI systems show. Pure.

use std::io;

use quick_xml::Writer;
use quick_xml::events::BytesText;

use super::{Outcome, Report, Status};
use crate::offline::differences;

/// One test suite with one test case for each case.
///
/// # Panics
/// Never: memory can be written to, and only text is.
pub fn junit(report: &Report) -> String {
    let mut writer = Writer::new_with_indent(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_vec(), b' ', 2);
    suite(&mut writer, report).expect("memory can be written to");
    String::from_utf8(writer.into_inner()).expect("only text was written") + "\n"
}

fn suite(writer: &mut Writer<Vec<u8>>, report: &Report) -> io::Result<()> {
    let count = |number: usize| number.to_string();
    let failed = report.cases.iter().filter(|case| case.status == Status::Failed).count();
    let element = writer
        .create_element("testsuite")
        .with_attribute(("name", "mcp-render test"))
        .with_attribute(("tests", count(report.cases.len()).as_str()))
        .with_attribute(("failures", count(failed).as_str()));
    element.write_inner_content(|writer| report.cases.iter().try_for_each(|outcome| case(writer, outcome)))?;
    Ok(())
}

fn case(writer: &mut Writer<Vec<u8>>, outcome: &Outcome) -> io::Result<()> {
    let Outcome { name, folder, status, problems, change: _, time } = outcome;
    let (folder, time) = (folder.display().to_string(), format!("{:.3}", time.as_secs_f64()));
    let element = writer
        .create_element("testcase")
        .with_attribute(("name", name.as_str()))
        .with_attribute(("classname", folder.as_str()))
        .with_attribute(("time", time.as_str()));
    if *status != Status::Failed {
        element.write_empty()?;
        return Ok(());
    }
    let text = differences::plain(&problems.iter().map(ToString::to_string).collect::<String>());
    let failure = |writer: &mut Writer<Vec<u8>>| {
        let failure = writer.create_element("failure").with_attribute(("message", "the case failed"));
        failure.write_text_content(BytesText::new(&text)).map(|_| ())
    };
    element.write_inner_content(failure)?;
    Ok(())
}
