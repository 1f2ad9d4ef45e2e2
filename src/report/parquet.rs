//! Apache Parquet with zstd: the columns of [`COLUMNS`], in row groups of bounded size.

use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use super::columns::{COLUMNS, Row, Value};
use super::{Context, Finished, Sink};
use crate::analyzer::Finding;

/// So many rows make a row group, fewer where their texts are longer than [`BYTES`].
const ROWS: usize = 16_384;
/// Bytes of text in a row group.
const BYTES: usize = 16 << 20;

/// Writes Parquet.
pub struct Parquet {
    out: Box<dyn Write>,
    /// Writes into memory, which goes on to `out` after each row group; from `begin` on.
    file: Option<SerializedFileWriter<Vec<u8>>>,
    /// The rows that wait to be a row group, by column.
    waiting: Vec<Cells>,
    rows: usize,
    bytes: usize,
}

/// The cells of one column: the values that there are, and for each row whether there is one.
struct Cells {
    values: Values,
    levels: Vec<i16>,
}

enum Values {
    Text(Vec<ByteArray>),
    Integer(Vec<i64>),
    Boolean(Vec<bool>),
}

impl Parquet {
    /// To `out`.
    pub fn new(out: Box<dyn Write>) -> Self {
        Self {
            out,
            file: None,
            waiting: COLUMNS.iter().map(|column| Cells::of(column.value)).collect(),
            rows: 0,
            bytes: 0,
        }
    }

    /// Writes the waiting rows as a row group.
    fn row_group(&mut self) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if self.rows > 0 {
            let mut group = file.next_row_group().map_err(failed)?;
            for cells in &mut self.waiting {
                let mut column =
                    group.next_column().map_err(failed)?.ok_or_else(|| io::Error::other("fewer columns than cells"))?;
                cells.write(&mut column).map_err(failed)?;
                column.close().map_err(failed)?;
            }
            group.close().map_err(failed)?;
        }
        (self.rows, self.bytes) = (0, 0);
        file.flush()?;
        self.out.write_all(&mem::take(file.inner_mut()))
    }
}

impl Sink for Parquet {
    fn begin(&mut self, _: &Context) -> io::Result<()> {
        let compression = Compression::ZSTD(ZstdLevel::default());
        let created_by = concat!("rstscan version ", env!("CARGO_PKG_VERSION")).to_owned();
        let properties = WriterProperties::builder().set_compression(compression).set_created_by(created_by).build();
        let schema = parse_message_type(&schema()).map_err(failed)?;
        let file = SerializedFileWriter::new(Vec::new(), Arc::new(schema), Arc::new(properties)).map_err(failed)?;
        self.file = Some(file);
        Ok(())
    }

    fn finding(&mut self, context: &Context, finding: &Finding) -> io::Result<()> {
        let row = Row::new(context, finding);
        for (cells, column) in self.waiting.iter_mut().zip(&COLUMNS) {
            self.bytes += cells.push(column.value, &row);
        }
        self.rows += 1;
        if self.rows >= ROWS || self.bytes >= BYTES { self.row_group() } else { Ok(()) }
    }

    fn finish(&mut self, _: &Context, _: &Finished<'_>) -> io::Result<()> {
        self.row_group()?;
        if let Some(file) = self.file.take() {
            self.out.write_all(&file.into_inner().map_err(failed)?)?;
        }
        self.out.flush()
    }
}

impl Cells {
    fn of(value: Value) -> Self {
        let values = match value {
            Value::Text(_) => Values::Text(Vec::new()),
            Value::Integer(_) | Value::Time(_) => Values::Integer(Vec::new()),
            Value::Boolean(_) => Values::Boolean(Vec::new()),
        };
        Self { values, levels: Vec::new() }
    }

    /// Adds the cell of a row, and says how many bytes of text it has.
    fn push(&mut self, value: Value, row: &Row<'_>) -> usize {
        let (mut bytes, before) = (0, self.len());
        match (&mut self.values, value) {
            (Values::Text(values), Value::Text(value)) => values.extend(value(row).map(|text| {
                bytes = text.len();
                ByteArray::from(text.into_bytes())
            })),
            (Values::Integer(values), Value::Integer(value)) => values.extend(value(row)),
            (Values::Integer(values), Value::Time(value)) => values.extend(value(row).map(|time| time.as_nanos())),
            (Values::Boolean(values), Value::Boolean(value)) => values.extend(value(row)),
            _ => {}
        }
        self.levels.push(i16::from(self.len() > before));
        bytes
    }

    fn len(&self) -> usize {
        match &self.values {
            Values::Text(values) => values.len(),
            Values::Integer(values) => values.len(),
            Values::Boolean(values) => values.len(),
        }
    }

    /// Hands all cells over.
    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        let levels = mem::take(&mut self.levels);
        match &mut self.values {
            Values::Text(values) => batch::<ByteArrayType>(column, mem::take(values), &levels),
            Values::Integer(values) => batch::<Int64Type>(column, mem::take(values), &levels),
            Values::Boolean(values) => batch::<BoolType>(column, mem::take(values), &levels),
        }
    }
}

fn batch<T: DataType>(
    column: &mut SerializedColumnWriter<'_>,
    values: Vec<T::T>,
    levels: &[i16],
) -> Result<(), ParquetError> {
    column.typed::<T>().write_batch(&values, Some(levels), None).map(|_| ())
}

/// The columns in Parquet's own notation. All are optional, so that a later version may leave one empty.
fn schema() -> String {
    let field = |(name, value): (&str, Value)| match value {
        Value::Text(_) => format!("OPTIONAL BYTE_ARRAY {name} (STRING);"),
        Value::Integer(_) => format!("OPTIONAL INT64 {name};"),
        Value::Boolean(_) => format!("OPTIONAL BOOLEAN {name};"),
        Value::Time(_) => format!("OPTIONAL INT64 {name} (TIMESTAMP(NANOS, true));"),
    };
    let fields: Vec<String> = COLUMNS.iter().map(|column| field((column.name, column.value))).collect();
    format!("message rstscan {{ {} }}", fields.join(" "))
}

fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => io::Error::other(source),
        error => io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::fs::File;
    use std::rc::Rc;

    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::Field;

    use super::*;
    use crate::frame::Timestamp;
    use crate::report::tests::written;
    use crate::report::time::rfc3339;
    use crate::report::{Format, Style, fixtures, sink};

    /// A file, and how often it was written to.
    #[derive(Clone)]
    struct Shared(Rc<RefCell<(File, usize)>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let mut shared = self.0.borrow_mut();
            shared.1 += 1;
            shared.0.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What a reader finds in the file, and in how many pieces it was written.
    fn read_back(findings: &[Finding]) -> (SerializedFileReader<File>, usize) {
        let out = Shared(Rc::new(RefCell::new((tempfile::tempfile().unwrap(), 0))));
        let mut sink = sink(Style { format: Format::Parquet, ..Style::default() }, Box::new(out.clone()));
        let context = Context { inputs: vec!["half-open.pcap".into(), "other.pcap".into()], ..Context::default() };
        let summary = fixtures::summary();
        sink.begin(&context).unwrap();
        for finding in findings {
            sink.finding(&context, finding).unwrap();
        }
        sink.finish(
            &context,
            &Finished {
                summary: &summary,
                wall_seconds: Some(0.25),
                kernel_drops: None,
                queue_drops: None,
                sampled_out: None,
            },
        )
        .unwrap();
        let (file, pieces) = &*out.0.borrow();
        (SerializedFileReader::new(file.try_clone().unwrap()).unwrap(), *pieces)
    }

    /// A cell as CSV writes it.
    fn text(name: &str, field: &Field) -> String {
        match field {
            Field::Null => String::new(),
            Field::Str(text) => text.clone(),
            Field::Long(nanos) if name == "time" => rfc3339(Timestamp::from_nanos(*nanos)),
            Field::Long(number) => number.to_string(),
            Field::Bool(truth) => truth.to_string(),
            field => panic!("{name}: {field:?}"),
        }
    }

    #[test]
    fn a_reader_finds_the_cells_of_csv() {
        let (reader, _) = read_back(&fixtures::all());
        let csv = written(Style { format: Format::Csv, ..Style::default() }, &fixtures::all());
        let mut lines = csv::Reader::from_reader(csv.as_bytes());
        let header = lines.headers().unwrap().clone();
        let mut rows = 0;
        for (row, line) in reader.get_row_iter(None).unwrap().zip(lines.records()) {
            let (row, line) = (row.unwrap(), line.unwrap());
            let names: Vec<&str> = row.get_column_iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, header.iter().collect::<Vec<_>>());
            let cells: Vec<String> = row.get_column_iter().map(|(name, field)| text(name, field)).collect();
            assert_eq!(cells, line.iter().collect::<Vec<_>>());
            rows += 1;
        }
        assert_eq!(rows, fixtures::all().len());
        let column = reader.metadata().row_group(0).column(0);
        assert!(matches!(column.compression(), Compression::ZSTD(_)));
    }

    #[test]
    fn without_resets_it_is_a_file_without_rows() {
        let (reader, _) = read_back(&[]);
        assert_eq!(reader.metadata().file_metadata().num_rows(), 0);
        assert_eq!(reader.metadata().file_metadata().schema_descr().num_columns(), COLUMNS.len());
    }

    /// Rows leave memory with their group.
    #[test]
    fn row_groups_are_bounded_and_written_when_they_are_full() {
        let findings = vec![fixtures::half_open(); ROWS + 1];
        let (reader, pieces) = read_back(&findings);
        let groups: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(groups, [ROWS as i64, 1]);
        assert_eq!(pieces, 3, "each group, and the footer");
    }
}
