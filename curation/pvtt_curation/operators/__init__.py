"""What people do in FiftyOne's app: operators with forms, a panel, hotkeys. `plugin/review` hands them to the app."""
