//! report: figures, cells and rejections → files for people and for programs.

mod cells;
mod csv;
mod disagreements;
mod error;
mod folder;
mod indicators;
mod means;
mod overdue;
mod parquet;
mod run_record;
mod scorecard;
mod table;
mod workbook;

pub use cells::{cells_to_parquet, read_cells};
pub use csv::{CsvOptions, in_memory, unguard, write_csv};
pub use disagreements::{disagreements, join_disagreements, write_disagreements};
pub use error::ReportError;
pub use folder::{Draft, check_folder, prepare, publish};
pub use indicators::{indicators_csv, indicators_table};
pub use means::means_table;
pub use overdue::overdue_table;
pub use parquet::{epoch_days, table_to_parquet};
pub use run_record::{InputRecord, RunRecord, StageSeconds};
pub use scorecard::{rejections_table, scorecard_table, warnings_table};
pub use table::{Cell, Column, Kind, Table};
pub use workbook::scorecard_workbook;
