"""Labels for trainers and viewers: one file a target."""
