"""What people are asked to do and told of: tasks with their reminders, and notifications."""
