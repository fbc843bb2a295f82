"""Tests of the preview: recording, judging, reporting."""
