"""How dates and times are written, where Django has another way than ours."""

from __future__ import annotations
