import numpy as np
import pandas as pd

from levercap.limits.previous import previous_limits

AS_OF = pd.Timestamp("2025-03-01", tz="UTC")
ACCOUNTS = pd.DataFrame({"account_id": pd.Series(["a", "b"], dtype="str")})


def table(**columns) -> pd.DataFrame:
    return pd.DataFrame({"account_id": ["a", "b"], **columns})


def read(previous, accounts=ACCOUNTS):
    return previous_limits(accounts, previous, AS_OF, 1.0)


def test_rows_that_are_all_later_are_no_previous_limits():
    later = table(max_leverage=[3.0, 4.0], as_of=AS_OF + pd.Timedelta(hours=1))
    out = read(later)
    assert np.isnan(out.limit).all()
    assert np.isnan(out.resume).all()
    assert read(later, ACCOUNTS.assign(previous_max_leverage=[2.0, np.nan])).limit[0] == 2.0


def test_the_index_of_the_frame_does_not_matter():
    stamps = [AS_OF - pd.Timedelta(days=2), AS_OF + pd.Timedelta(days=1)]
    rows = table(max_leverage=[3.0, 4.0], as_of=stamps)
    for frame in (rows, rows.set_index("account_id", drop=False), rows.set_index(pd.Index([7, 3]))):
        out = read(frame)
        np.testing.assert_array_equal(out.limit, [3.0, np.nan])
        np.testing.assert_array_equal(out.days, [2.0, 1.0])


def test_what_is_to_be_resumed_is_the_limit_itself_where_nothing_else_is_stated():
    assert read(table(max_leverage=[3.0, 4.0])).resume.tolist() == [3.0, 4.0]
    stated = table(max_leverage=[3.0, 4.0], resume_max_leverage=[5.0, np.inf])
    assert read(stated).resume.tolist() == [5.0, np.inf]
    for wrong in (np.nan, 0.0, -1.0, "much"):
        assert read(table(max_leverage=[3.0, 4.0], resume_max_leverage=[wrong, 6.0])).resume.tolist() == [3.0, 6.0]


def test_only_a_positive_number_is_usable():
    accounts = pd.DataFrame({"account_id": pd.Series(list("abcde"), dtype="str")})
    accounts["previous_max_leverage"] = [1.0, 0.0, np.inf, np.nan, "much"]
    assert read(None, accounts).usable.tolist() == [True, False, False, False, False]
