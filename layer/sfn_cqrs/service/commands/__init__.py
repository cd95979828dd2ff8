"""Commands: publishing, applying and operating them."""
