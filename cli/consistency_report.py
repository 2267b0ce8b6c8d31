"""The result of a consistency check in words, as `consistency` and `doctor` show it."""

from read_models.consistency_results import ConsistencyResult


def summary(result: ConsistencyResult) -> str:
    """Describe the result of a check in one sentence."""
    offsets = sum(result.positions.values())
    until = f"the log up to {result.checked_at:%Y-%m-%d %H:%M:%S} UTC"
    where = f"({offsets:,} offsets of {result.topic}, {result.row_count:,} rows)"
    if result.is_equal:
        said = f"{result.view} equals {until} {where}"
    else:
        said = f"{result.view} differs in {result.difference_count:,} rows from {until} {where}"
    if result.repaired_count:
        said += f"; {result.repaired_count:,} rows were put right"
    if result.waiting_count:
        said += f"; {result.waiting_count:,} entities wait behind a record it cannot take"
    return said


def differing_rows(result: ConsistencyResult) -> list[str]:
    """Name the rows that differ, column by column."""
    lines = []
    for one in result.differences:
        key = ", ".join(str(value) for value in one.key.values())
        lines.append(f"{one.table} {key}: {one.kind}")
        if one.kind == "differs":
            lines += [
                f"    {name}: {by_log!r} by the log, {found!r} found"
                for name, (by_log, found) in one.columns.items()
            ]
    return lines
