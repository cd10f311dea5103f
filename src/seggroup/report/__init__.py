"""Pictures of scans and the page that a run is read on."""
