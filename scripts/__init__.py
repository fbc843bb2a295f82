"""What acts: releases, operations, and the console command that starts everything."""
